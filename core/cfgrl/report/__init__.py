"""What a run has to show: a page, figures, and a table for the terminal.

`write_report` makes one self-contained HTML page of one or several run directories (`load_runs` and `write_page` are
its two halves), `write_figures` the PNG pictures alone, and `format_results` the table that `cfgrl eval` prints. A
sweep has a page, figures and tables of its own: `write_sweep_report`, `format_sweep`, `markdown_sweep`. No jax anywhere
in here: a report can be made on a machine that could not train.
"""

from cfgrl.records._run import RunRecord as RunRecord
from cfgrl.records._run import load_run as load_run
from cfgrl.records._run import load_runs as load_runs
from cfgrl.report._density_text import format_density as format_density
from cfgrl.report._figures import write_figures as write_figures
from cfgrl.report._page import write_page as write_page
from cfgrl.report._page import write_report as write_report
from cfgrl.report._sweep._markdown import markdown_sweep as markdown_sweep
from cfgrl.report._sweep._page import write_sweep_report as write_sweep_report
from cfgrl.report._sweep._text import format_sweep as format_sweep
from cfgrl.report._text import format_results as format_results
