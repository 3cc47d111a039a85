"""An event for `cfgrl` under which an action is optimal if it beats another one."""
