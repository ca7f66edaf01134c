//! The `Content-Type` field (RFC 9110, section 8.3.1).
//!
//! Owns its grammar. Which types are taken is each style's own matter.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// A media type with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype`, in lower case.
    pub essence: String,
    /// Names in lower case, values without quotes, in the order in which they were sent. No name is there twice.
    pub parameters: Vec<(String, String)>,
}

impl MediaType {
    /// The media type of a message. None when there is none, several, or one that breaks the grammar.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(CONTENT_TYPE).iter();
        let line = lines.next()?;
        if lines.next().is_some() {
            return None;
        }
        Self::parse(line.to_str().ok()?)
    }

    /// Reads a field's value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let end = value.find(';').unwrap_or(value.len());
        let (essence, mut rest) = value.split_at_checked(end)?;
        let essence = essence.trim_matches([' ', '\t']).to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(after) = rest.strip_prefix(';') {
            rest = after.trim_start_matches([' ', '\t']);
            // Empty parameters are allowed: `text/xml;` is what some clients send.
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            let (name, after) = rest.split_once('=')?;
            let name = name.to_ascii_lowercase();
            let (parameter, after) = parameter_value(after)?;
            if !is_token(&name) || parameters.iter().any(|(other, _)| *other == name) {
                return None;
            }
            parameters.push((name, parameter));
            rest = after.trim_start_matches([' ', '\t']);
        }
        rest.is_empty().then_some(Self { essence, parameters })
    }

    /// The value of a parameter; its name in lower case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether the text is in UTF-8: it says so, or names no character set.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.parameter("charset").is_none_or(|charset| {
            charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
        })
    }
}

/// A token or a quoted string from the front, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return is_token(value).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at.saturating_add(1)..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_with_and_without_quotes() {
        let media_type =
            MediaType::parse("Application/SOAP+xml ;charset=UTF-8;; Action=\"urn:a;b\\\"c\" ;").unwrap();
        assert_eq!(media_type.essence, "application/soap+xml");
        assert_eq!(media_type.parameter("charset"), Some("UTF-8"));
        assert_eq!(media_type.parameter("action"), Some("urn:a;b\"c"));
        assert_eq!(media_type.parameter("type"), None);
        assert_eq!(MediaType::parse("text/xml").unwrap().parameters, []);
    }

    #[test]
    fn what_breaks_the_grammar_is_none() {
        for value in [
            "",
            "text",
            "text/",
            "/xml",
            "text/x ml",
            "text/xml;charset",
            "text/xml;charset=",
            "text/xml;=a",
            "text/xml;a=b c",
            "text/xml;a=\"b",
            "text/xml;a=b;A=c",
            "text/xml, text/plain",
            "text/xml;a=\"b\"c",
        ] {
            assert_eq!(MediaType::parse(value), None, "{value}");
        }
    }

    #[test]
    fn two_lines_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(MediaType::of(&headers), None);
        headers.append(CONTENT_TYPE, "text/xml".parse().unwrap());
        assert!(MediaType::of(&headers).is_some());
        headers.append(CONTENT_TYPE, "text/xml".parse().unwrap());
        assert_eq!(MediaType::of(&headers), None);
    }
}
