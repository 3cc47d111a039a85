"""The pages of the documentation that nobody writes: the catalogue, checks, directory, changes, notebooks.

    generated(root)   every generated file by its path in the documentation: Markdown pages, and pictures
    tables(root)      the generated tables of hand-written pages, each by the marker that stands for it there

What is said about components and presets comes from the same functions as `cfgrl show`, so that both agree.
Capabilities are asked of the classes themselves, which are imported for that.
"""

from cfgrl_site._build import SOURCES as SOURCES
from cfgrl_site._build import examples as examples
from cfgrl_site._build import fill as fill
from cfgrl_site._build import forget as forget
from cfgrl_site._build import generated as generated
from cfgrl_site._build import tables as tables
from cfgrl_site._markdown import headings as headings
