"""`Stop`: signals are heard at once, by the process that they are meant for, and are as before afterwards."""

import subprocess
import sys

HEAD = """
import multiprocessing, os, signal, time
from cfgrl.runs._signals import Stop

def wait_for(stop):
    deadline = time.monotonic() + 10
    while stop.requested is None and time.monotonic() < deadline:
        time.sleep(0.01)
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", HEAD + body], capture_output=True, text=True, timeout=60)


def test_a_first_signal_is_heard_and_a_second_one_ends_the_process():
    done = run("""
with Stop() as stop:
    os.kill(os.getpid(), signal.SIGUSR1)
    wait_for(stop)
    print(stop.requested, stop.preempted("here"), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
""")
    assert done.returncode == 128 + 15 and done.stdout.startswith("SIGUSR1 Stopped by SIGUSR1 here; the same command")
    assert done.stderr.count("SIGUSR1: about to save and stop") == 1


def test_afterwards_signals_do_what_they_did_before():
    done = run("""
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
for _ in range(3):
    with Stop() as stop:
        pass
assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
assert signal.set_wakeup_fd(-1) == -1 and stop.requested is None
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(30)
""")
    assert done.returncode == -15, done.stderr


def test_what_ends_a_forked_child_does_not_stop_the_run():
    done = run("""
with Stop() as stop:
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    lasting = os.fork()  # holds the pipe open for longer than the run lives
    if lasting == 0:
        time.sleep(20)
        os._exit(0)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), stop.requested, flush=True)
os.kill(lasting, signal.SIGKILL)
""")
    assert done.returncode == 0 and done.stdout == "-15 None\n", done.stderr
