"""An HTML page as a browser meets it, for tests."""

import html.parser
import re


class Page(html.parser.HTMLParser):
    """What a page asks for, the identifiers it gives, its words, and whether its elements close."""

    VOID = frozenset({"meta", "br", "link", "img", "path", "use"})

    def __init__(self, text):
        super().__init__()
        self.links, self.ids, self.words, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "xlink:href", "data")]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))
