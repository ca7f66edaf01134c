//! Entity tags of coded answers (RFC 9110, section 8.8.3).
//!
//! Owns the form of such a tag: that of the answer as it is, with the coding's name behind it. A strong tag promises the same
//! bytes, so each coding needs its own; weakening it instead would take `If-Match`, which compares strongly, from every
//! client that asks for compression.

use http::HeaderValue;

use super::Coding;

/// Between a plugin's tag and the coding's name.
const MARK: &str = "--";

/// The tag of the same answer in a coding. A weak one holds for all codings as it is.
pub(super) fn coded(tag: &HeaderValue, coding: Coding) -> Option<HeaderValue> {
    let inner = tag.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    HeaderValue::try_from(format!("\"{inner}{MARK}{}\"", coding.token())).ok()
}

/// A list of tags as the client sent it, with the plugin's own behind it for each that names a coding which `takes` allows.
/// None when there is no such tag.
///
/// For `If-None-Match` only the codings that the client accepts may count: a shared cache would take 304 as leave to give a
/// gzip answer to a client that cannot read it.
pub(super) fn plain(sent: &HeaderValue, takes: impl Fn(Coding) -> bool) -> Option<HeaderValue> {
    let text = sent.to_str().ok().filter(|text| text.matches('"').count() % 2 == 0)?;
    let mut plain = String::new();
    for inner in text.split('"').skip(1).step_by(2) {
        if let Some((own, name)) = inner.rsplit_once(MARK)
            && Coding::OFFERED.iter().any(|coding| coding.token() == name && takes(*coding))
        {
            plain.push_str(", \"");
            plain.push_str(own);
            plain.push('"');
        }
    }
    if plain.is_empty() {
        return None;
    }
    plain.insert_str(0, text);
    HeaderValue::try_from(plain).ok()
}

/// The tag under which a client holds an answer whose own tag is `tag`, of those it has `sent`.
pub(super) fn held(
    tag: &HeaderValue,
    sent: &HeaderValue,
    takes: impl Fn(Coding) -> bool,
) -> Option<HeaderValue> {
    let sent = sent.to_str().ok()?;
    Coding::OFFERED
        .into_iter()
        .filter(|coding| takes(*coding))
        .filter_map(|coding| coded(tag, coding))
        .find(|coded| coded.to_str().is_ok_and(|coded| sent.contains(coded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> HeaderValue {
        text.parse().unwrap()
    }

    #[test]
    fn each_coding_has_a_strong_tag_of_its_own() {
        assert_eq!(coded(&value("\"1\""), Coding::Gzip), Some(value("\"1--gzip\"")));
        assert_eq!(coded(&value("\"\""), Coding::Brotli), Some(value("\"--br\"")));
        for unchanged in ["W/\"1\"", "1", "\"1", ""] {
            assert_eq!(coded(&value(unchanged), Coding::Gzip), None, "{unchanged}");
        }
    }

    #[test]
    fn a_plugin_is_given_its_own_tag_beside_the_coded_one() {
        for (sent, expected) in [
            ("\"1--gzip\"", Some("\"1--gzip\", \"1\"")),
            ("W/\"1--gzip\"", Some("W/\"1--gzip\", \"1\"")),
            ("\"a\", \"b--zstd\" ,\"c--gzip\"", Some("\"a\", \"b--zstd\" ,\"c--gzip\", \"b\", \"c\"")),
            ("\"1--br\"", None),
            ("\"1--deflate\"", None),
            ("\"1\"", None),
            ("*", None),
            ("1--gzip", None),
            ("\"1--gzip", None),
        ] {
            let plain = plain(&value(sent), |coding| coding != Coding::Brotli);
            assert_eq!(plain, expected.map(value), "{sent}");
        }
    }

    #[test]
    fn an_answer_that_has_not_changed_names_the_tag_that_the_client_holds() {
        let sent = value("\"0--zstd\", \"1--gzip\", \"1--zstd\"");
        assert_eq!(held(&value("\"1\""), &sent, |_| true), Some(value("\"1--zstd\"")));
        assert_eq!(held(&value("\"1\""), &sent, |coding| coding == Coding::Gzip), Some(value("\"1--gzip\"")));
        assert_eq!(held(&value("\"0\""), &sent, |coding| coding == Coding::Gzip), None);
        assert_eq!(held(&value("\"2\""), &sent, |_| true), None);
    }
}
