"""Reads a page back: its tags in balance, its text, and the numbers that its charts draw."""

import base64
import json
from html.parser import HTMLParser

import numpy as np


class Page(HTMLParser):
    """A page whose every tag is closed in order; anything else is an error."""

    EMPTY = ("meta", "br")

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts, self.contents = [], [], [], {"script": [], "style": []}
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in self.contents:
            self.contents[self.open[-1]].append(data)
        else:
            self.texts.append(data)

    @property
    def text(self):
        return "\n".join(self.texts)

    @property
    def data(self):
        return _unpacked(json.loads(self.contents["script"][0]))


def _unpacked(value):
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "f" in value or "d" in value:
        text, kind = (value["f"], "<f4") if "f" in value else (value["d"], "<f8")
        return np.frombuffer(base64.b64decode(text), kind)
    if "codes" in value:
        return [value["words"][int(code)] for code in _unpacked(value["codes"])]
    return {name: _unpacked(item) for name, item in value.items()}
