"""Notes as HTML: Markdown is rendered, and nothing in a note can run, load or mislead."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

pytest.importorskip("nh3")

from cqrs_todo.todo.read_models.note_html import html_of

ATTEMPTS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='javascript:alert(1)'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<base href='javascript:alert(1)//'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=x onclick=alert(1)>x</a>",
    "<video><source onerror=alert(1)></video>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[><script>alert(1)</script>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java&#x0A;script:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[x](file:///etc/passwd)",
    "[x][r]\n\n[r]: javascript:alert(1)",
    "<javascript:alert(1)>",
    '[x](http://a.example "\\" onmouseover=alert(1) x=\\"")',
    '[x](http://a.example/"onmouseover=alert(1))',
    "![x](http://evil.example/track.png)",
    "![x](javascript:alert(1))",
    '![x" onerror=alert(1) "](y)',
    '```"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x00<script\x00>alert(1)</script>",
    "[x](//evil.example)",
    "[x](../admin/delete?all=1)",
    "<http:/add?text=x>",
    "[x](HTTP:add)",
    "[x](https:///evil.example)",
    "<http://?text=x>",
    "<http://\\evil.example>",
    "# <a id=x name=getElementById>",
)
SAFE = {
    "a": {"href", "title", "rel"},
    "ol": {"start"},
    "code": {"class"},
    **{
        tag: set()
        for tag in [
            "blockquote",
            "br",
            "em",
            *(f"h{level}" for level in range(1, 7)),
            "hr",
            "li",
            "p",
            "pre",
            "strong",
            "ul",
        ]
    },
}


class Strict(HTMLParser):
    """Collects what is not safe: tags and attributes that are not in `SAFE`, and addresses that lead elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.unsafe: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SAFE:
            self.unsafe.append(f"<{tag}>")
        for name, value in attrs:
            if name not in SAFE.get(tag, set()):
                self.unsafe.append(f"<{tag} {name}>")
            address = urlsplit((value or "").replace("\\", "/"))
            if name == "href" and not (
                address.scheme == "mailto" or (address.scheme in ("http", "https") and address.netloc)
            ):
                self.unsafe.append(f"<{tag} {name}={value}>")

    def handle_comment(self, data: str) -> None:
        self.unsafe.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.unsafe.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.unsafe.append(f"<?{data}>")


@pytest.mark.parametrize("note", ATTEMPTS)
def test_nothing_in_a_note_can_run_or_load(note: str) -> None:
    assert Strict(html_of(note)).unsafe == []
    assert Strict(html_of(f"- > **{note}**")).unsafe == []


def test_the_attempts_are_distinct_and_would_be_noticed() -> None:
    assert len(set(ATTEMPTS)) == len(ATTEMPTS) >= 40
    assert Strict("<img src=x onerror=y><a href='javascript:x'>").unsafe == [
        "<img>",
        "<img src>",
        "<img onerror>",
        "<a href=javascript:x>",
    ]


@pytest.mark.parametrize(
    ("note", "html"),
    [
        ("Read *this* **now**", "<p>Read <em>this</em> <strong>now</strong></p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("```python\nx < 1\n```", '<pre><code class="language-python">x &lt; 1\n</code></pre>\n'),
        (
            "[site](https://a.example/?a=1&b=2)",
            '<p><a href="https://a.example/?a=1&amp;b=2" rel="noopener noreferrer nofollow">site</a></p>\n',
        ),
        ("[site](HTTP://a)", '<p><a href="HTTP://a" rel="noopener noreferrer nofollow">site</a></p>\n'),
        (
            "<mailto:jo@a.example>",
            '<p><a href="mailto:jo@a.example" rel="noopener noreferrer nofollow">mailto:jo@a.example</a></p>\n',
        ),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>\n'),
    ],
)
def test_markdown_becomes_html(note: str, html: str) -> None:
    assert html_of(note) == html
