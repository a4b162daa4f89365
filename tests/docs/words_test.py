"""Messages, man pages and READMEs use the standard words of the field."""

import re
import unittest

import pages

# Forbidden words -> their replacements.
WORDS = {
    r"\banew\b": "from the beginning, again",
    r"\bwaited out\b": "retried",
    r"\b(?:goes|going|go|went) on\b": "continues, resumes",
    r"\b(?:gives?|given) (?:it )?up\b": "discard, cancel, fail",
    r"\bunder way\b": "in flight, running",
    r"\bnobody\b|\bsomebody\b": "no process, another process, the server's name",
    r"\bat byte\b": "at offset",
    r"\bfront server\b": "reverse proxy",
    r"\bthose who run\b": "the administrators of",
    r"\bis none\b|\bnone that\b": "is not a",
    r"\bas asked\b": "because --read says so",
    r"\bput down to\b": "caused by",
}

# Messages say that a server sends a response. (databankd has a fault called answer.)
MESSAGES = WORDS | {r"\banswers?\b(?!:)": "response"}

# A string literal of C++. A literal with a blank is a text.
LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def texts_of_sources():
    for folder in ("engine", "io", "tools"):
        for source in sorted((pages.ROOT / folder).rglob("*")):
            if source.suffix not in (".cc", ".h"):
                continue
            for number, line in enumerate(source.read_text().splitlines(), 1):
                code = re.sub(r"(^|\s)//.*$", "", line)
                if code.lstrip().startswith(("#include", "throw std::logic_error")):
                    continue
                for text in LITERAL.findall(code):
                    if " " in text:
                        yield f"{source.relative_to(pages.ROOT)}:{number}", text


def texts_of_pages():
    for page in [*pages.PAGES, *pages.READMES]:
        for number, line in enumerate(page.read_text().splitlines(), 1):
            yield f"{page.relative_to(pages.ROOT)}:{number}", line


class Words(unittest.TestCase):
    def check(self, texts, words):
        found = []
        for place, text in texts:
            for word, replacement in words.items():
                if re.search(word, text, re.IGNORECASE):
                    found.append(f"{place}: {text.strip()}\n    -> {replacement}")
        self.assertEqual(found, [], "\n" + "\n".join(found))

    def test_messages(self):
        self.check(texts_of_sources(), MESSAGES)

    def test_pages(self):
        self.check(texts_of_pages(), WORDS)


if __name__ == "__main__":
    unittest.main()
