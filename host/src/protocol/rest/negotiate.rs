//! Media types of bodies: which are sent (Content-Type) and which are wanted (Accept).
//!
//! Owns the comparison of media types (RFC 9110, sections 8.3.1 and 12.5.1). What cannot be read as an Accept field is
//! treated as absent, as the specification's robustness asks; what cannot be read as a Content-Type is no type at all.

use http::header::{ACCEPT, HeaderMap};

use super::super::media_type::MediaType;

/// Whether the body's type is one of `consumes`, with no character set but UTF-8.
pub(super) fn is_one_of(headers: &HeaderMap, consumes: &[String]) -> bool {
    MediaType::of(headers)
        .is_some_and(|media_type| media_type.is_utf8() && consumes.contains(&media_type.essence))
}

/// Whether one of `produces` is acceptable. Everything is, when nothing is declared or asked.
pub(super) fn acceptable(headers: &HeaderMap, produces: &[String]) -> bool {
    if produces.is_empty() || !headers.contains_key(ACCEPT) {
        return true;
    }
    let mut ranges = Vec::new();
    for value in headers.get_all(ACCEPT) {
        let Ok(text) = value.to_str() else { return true };
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let Some(range) = range(item) else { return true };
            ranges.push(range);
        }
    }
    if ranges.is_empty() {
        return true;
    }
    produces.iter().any(|produced| is_wanted(produced, &ranges))
}

/// A media range, and whether it is wanted at all (a weight above 0).
fn range(item: &str) -> Option<(String, bool)> {
    let media_range = MediaType::parse(item)?;
    let is_wanted = match media_range.parameter("q") {
        None => true,
        Some(text) => {
            let weight = text.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
            weight > 0.0
        }
    };
    Some((media_range.essence, is_wanted))
}

/// What the most specific range that covers a type says; a type that none covers is not wanted.
fn is_wanted(produced: &str, ranges: &[(String, bool)]) -> bool {
    let kind = produced.split('/').next().unwrap_or_default();
    let said_of =
        |wanted: &str| ranges.iter().find(|(range, _)| range == wanted).map(|(_, is_wanted)| *is_wanted);
    said_of(produced).or_else(|| said_of(&format!("{kind}/*"))).or_else(|| said_of("*/*")).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;

    use super::*;

    fn headers(name: http::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn accept_is_read_by_specificity_and_weight() {
        let json = ["application/json".to_owned()];
        for (accept, expected) in [
            ("application/json", true),
            ("APPLICATION/JSON;q=0.1", true),
            ("text/csv", false),
            ("*/*", true),
            ("*/*;q=0", false),
            ("application/*;q=0.5, application/problem+json", true),
            ("application/json;q=0, */*", false),
            ("text/html, */*;q=0.8", true),
            ("garbage", true),
            ("", true),
            ("application/json;q=7", true),
        ] {
            assert_eq!(acceptable(&headers(ACCEPT, &[accept]), &json), expected, "{accept}");
        }
        assert!(acceptable(&HeaderMap::new(), &json));
        assert!(acceptable(&headers(ACCEPT, &["text/csv", "application/json"]), &json));
    }

    #[test]
    fn content_types_are_compared_without_parameters_but_the_character_set() {
        let json = ["application/json".to_owned()];
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json; charset=\"UTF-8\"", true),
            ("application/json; charset=utf-16", false),
            ("application/json; profile=x", true),
            ("text/plain", false),
            ("application", false),
            ("application/json/x", false),
        ] {
            assert_eq!(is_one_of(&headers(CONTENT_TYPE, &[content_type]), &json), expected, "{content_type}");
        }
        assert!(!is_one_of(&HeaderMap::new(), &json));
        assert!(!is_one_of(&headers(CONTENT_TYPE, &["application/json", "application/json"]), &json));
    }
}
