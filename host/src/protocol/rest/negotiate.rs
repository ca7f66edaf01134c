//! Media types of bodies: which are sent (Content-Type) and which are wanted (Accept).
//!
//! Owns the comparison of media types (RFC 9110, sections 8.3.1 and 12.5.1). What cannot be read as an Accept field is
//! treated as absent, as the specification's robustness asks; what cannot be read as a Content-Type is no type at all.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap};

/// `type/subtype` without parameters, in lower case, of a well-formed media type.
fn essence(text: &str) -> Option<String> {
    let (kind, subtype) = text.split(';').next()?.trim().split_once('/')?;
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte))
    };
    (token(kind) && token(subtype)).then(|| format!("{kind}/{subtype}").to_ascii_lowercase())
}

/// Whether the body's type is one of `consumes`, with no character set but UTF-8.
pub(super) fn is_one_of(headers: &HeaderMap, consumes: &[String]) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let charset_is_utf8 = text.split(';').skip(1).all(|parameter| match parameter.trim().split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            let value = value.trim().trim_matches('"');
            value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")
        }
        _ => true,
    });
    charset_is_utf8 && essence(text).is_some_and(|essence| consumes.contains(&essence))
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
    produces.iter().any(|produced| quality(produced, &ranges) > 0)
}

/// A media range and its weight in thousandths.
fn range(item: &str) -> Option<(String, u16)> {
    let weight = item.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let weight = match weight {
        None => 1_000,
        Some(text) => {
            let weight = text.parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?;
            if weight > 0.0 { 1 } else { 0 }
        }
    };
    Some((essence(item)?, weight))
}

/// The weight of the most specific range that covers a type; 0 when none does.
fn quality(produced: &str, ranges: &[(String, u16)]) -> u16 {
    let kind = produced.split('/').next().unwrap_or_default();
    let weight_of =
        |wanted: &str| ranges.iter().find(|(range, _)| range == wanted).map(|(_, weight)| *weight);
    weight_of(produced).or_else(|| weight_of(&format!("{kind}/*"))).or_else(|| weight_of("*/*")).unwrap_or(0)
}

#[cfg(test)]
mod tests {
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
