//! Doc comments as descriptions.
//!
//! Owns what of a doc comment is passed on. OpenAPI, OpenRPC and AsyncAPI descriptions are CommonMark, which their viewers turn into
//! HTML, and the comment is a stranger's: so markup that would run, load or lead elsewhere is escaped, and reads as it was
//! written. Emphasis, lists, headings, code and ordinary links stay.

/// A comment as CommonMark without raw HTML, images, and links to anything but the web, mail and the page itself.
#[must_use]
pub(super) fn markdown(docs: &str) -> String {
    let docs = plain(docs);
    let lines = lines(&docs);
    // A backtick without its partner begins a span that may end lines later: then nothing in the text is taken for a span.
    let are_spans_plain = lines.iter().all(|line| !matches!(line, Line::Text(text) if spans(text).is_none()));
    let mut out = String::with_capacity(docs.len());
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        match line {
            Line::Fence { run, language } => {
                out.push_str(run);
                // What stands behind a fence is the language; a viewer may use it as the name of a class.
                out.extend(language.chars().filter(char::is_ascii_alphanumeric));
            }
            Line::Code(text) => out.push_str(text),
            Line::Text(text) => escape_line(text, are_spans_plain, &mut out),
        }
    }
    out
}

/// A line, by what a reader of CommonMark takes it for.
enum Line<'t> {
    Fence { run: &'t str, language: &'t str },
    Code(&'t str),
    Text(&'t str),
}

fn lines(docs: &str) -> Vec<Line<'_>> {
    let are_fences_plain = fences_are_plain(docs);
    let mut open: Option<&str> = None;
    docs.split('\n')
        .map(|line| match (open, run_of_fence(line)) {
            (None, Some((run, language))) if are_fences_plain => {
                open = Some(run);
                Line::Fence { run, language }
            }
            (Some(opening), Some((run, ""))) if run.starts_with(opening) => {
                open = None;
                Line::Fence { run, language: "" }
            }
            (Some(_), _) => Line::Code(line),
            (None, _) => Line::Text(line),
        })
        .collect()
}

/// The first sentence of the first paragraph, for lists: at most 120 characters.
#[must_use]
pub(super) fn summary(docs: &str) -> String {
    const CHARACTERS_MAX: usize = 120;
    let docs = plain(docs);
    let paragraph: Vec<&str> =
        docs.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let paragraph = paragraph.join(" ");
    let sentence = paragraph.split_once(". ").map_or(&*paragraph, |(first, _)| first);
    let sentence = sentence.strip_suffix('.').unwrap_or(sentence);
    if sentence.chars().count() <= CHARACTERS_MAX {
        return sentence.to_owned();
    }
    let cut: String = sentence.chars().take(CHARACTERS_MAX.saturating_sub(3)).collect();
    format!("{}...", cut.trim_end())
}

/// The text without characters that no format carries: control characters but for line breaks and tabs, and noncharacters.
#[must_use]
pub(super) fn plain(text: &str) -> String {
    let carried = |letter: char| {
        let code = u32::from(letter);
        let is_noncharacter = (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe;
        (!letter.is_control() || letter == '\n' || letter == '\t') && !is_noncharacter
    };
    text.chars().filter(|letter| carried(*letter)).collect()
}

/// The backticks or tildes with which a line opens or ends a fenced block, when it begins with at least three of them, and what
/// stands behind them.
fn run_of_fence(line: &str) -> Option<(&str, &str)> {
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let length = line.len().saturating_sub(line.trim_start_matches(mark).len());
    let (run, rest) = line.split_at_checked(length)?;
    // A backtick behind the run makes it a code span (CommonMark 0.31, section 4.5).
    (length >= 3 && !(mark == '`' && rest.contains('`'))).then_some((run, rest.trim()))
}

/// Whether every fence stands at the beginning of its line. One in a list or a quotation ends where that ends, and whoever gets this
/// wrong takes markup for code; then nothing is taken for a fence.
fn fences_are_plain(docs: &str) -> bool {
    docs.lines().all(|line| {
        let inner = line.trim_start_matches(|letter: char| {
            letter.is_whitespace() || letter.is_ascii_digit() || ">-+*.)".contains(letter)
        });
        inner.len() == line.len() || !(inner.starts_with("```") || inner.starts_with("~~~"))
    })
}

/// Escapes what a line may not have. A code span is left alone, unless there is a bar in the line: that could be the border of a
/// cell, which ends a span.
fn escape_line(line: &str, are_spans_plain: bool, out: &mut String) {
    let spans = spans(line).filter(|_| are_spans_plain && !line.contains('|')).unwrap_or_default();
    let mut from = 0;
    for (start, end) in spans {
        escape(line.get(from..start).unwrap_or_default(), out);
        out.push_str(line.get(start..end).unwrap_or_default());
        from = end;
    }
    escape(line.get(from..).unwrap_or_default(), out);
}

/// The code spans of a line, each from its first backtick to behind its last; none when not every run of backticks has a partner
/// in the line, or one may be escaped.
fn spans(line: &str) -> Option<Vec<(usize, usize)>> {
    let mut runs = backticks(line).into_iter();
    let mut spans = Vec::new();
    while let Some((start, length)) = runs.next() {
        let is_escaped = |at: usize| line.get(..at).is_some_and(|before| before.ends_with('\\'));
        let (end, _) = runs.find(|(_, other)| *other == length)?;
        if is_escaped(start) || is_escaped(end) {
            return None;
        }
        spans.push((start, end.saturating_add(length)));
    }
    Some(spans)
}

/// The runs of backticks: where each begins, and how long it is.
fn backticks(line: &str) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in line.match_indices('`') {
        match runs.last_mut() {
            Some((start, length)) if start.saturating_add(*length) == at => {
                *length = length.saturating_add(1)
            }
            _ => runs.push((at, 1)),
        }
    }
    runs
}

fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        let is_markup = match letter {
            // The start of a tag, of a comment or of an address.
            '<' => true,
            // A character reference can spell what is escaped here: `&lt;` is harmless, `javascript&colon;` is not.
            '&' => after.starts_with(|next: char| next == '#' || next.is_ascii_alphabetic()),
            '!' => after.starts_with('['),
            ']' => after.starts_with(['(', '[', ':']) && !leads_to_the_web(after),
            _ => false,
        };
        if is_markup && !ends_in_escape(out) {
            out.push('\\');
        }
        out.push(letter);
        rest = after;
    }
}

/// Whether what follows is escaped already: an even number of backslashes escape one another.
fn ends_in_escape(text: &str) -> bool {
    text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Whether `](target` is a link to the web, to mail, or into the page.
fn leads_to_the_web(behind: &str) -> bool {
    let Some(target) = behind.strip_prefix('(') else { return false };
    let target = target.trim_start();
    ["https://", "http://", "mailto:", "#"].iter().any(|scheme| target.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_run_or_load_is_escaped_and_the_rest_stays() {
        for (docs, expected) in [
            ("Plain *text* with `list<u8>`.", "Plain *text* with `list<u8>`."),
            ("<script>alert(1)</script>", "\\<script>alert(1)\\</script>"),
            ("`a\n<img src=x>`", "`a\n\\<img src=x>`"),
            ("`\n` <b> `", "`\n` \\<b> `"),
            ("`a` <b> \\`<i>`", "`a` \\<b> \\`\\<i>`"),
            ("`|` <b> `|`", "`|` \\<b> `|`"),
            ("| ` | <b> | ` |", "| ` | \\<b> | ` |"),
            ("![pixel](http://x/y)", "\\![pixel](http://x/y)"),
            (
                "[a](javascript:x) [b](https://e.org/) [c][d]",
                "[a\\](javascript:x) [b](https://e.org/) [c\\][d]",
            ),
            ("[d]: javascript:x", "[d\\]: javascript:x"),
            ("[a](java&#115;cript:x)", "[a\\](java\\&#115;cript:x)"),
            ("```html\n<b>\n```\n<i>", "```html\n<b>\n```\n\\<i>"),
            ("- ```\n  <b>\n```\n<i>\n```", "- ```\n  \\<b>\n```\n\\<i>\n```"),
            ("a\u{0}\u{fdd0}\u{fffe}b", "ab"),
            ("\\<b>", "\\<b>"),
            ("\\\\<b>", "\\\\\\<b>"),
        ] {
            assert_eq!(markdown(docs), expected, "{docs:?}");
        }
    }

    #[test]
    fn a_summary_is_the_first_sentence() {
        assert_eq!(summary("Places an\norder. Needs lines.\n\nMore."), "Places an order");
        assert_eq!(summary(&"word ".repeat(60)).len(), 120);
        assert_eq!(summary(""), "");
    }
}
