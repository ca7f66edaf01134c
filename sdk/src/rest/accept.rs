//! What the client accepts: `Accept` (RFC 9110, section 12.5.1), for handlers that can answer in several media types.

use super::contract::{self, Endpoint};
use super::{FromRequest, Problem, Request};

/// The media types that the client accepts. A request without `Accept`, or with one that cannot be read, accepts everything.
///
/// ```
/// use guesthouse_sdk::rest::{Accept, FromRequest, Request};
///
/// let request = Request::new("GET", "/items").with_header("accept", "text/*;q=0.5, text/csv");
/// let accept = Accept::from_request(&request)?;
/// assert_eq!(accept.choose(&["application/json", "text/html", "text/csv"])?, "text/csv");
/// assert_eq!(accept.choose(&["application/json"]).unwrap_err().status(), 406);
/// # Ok::<_, guesthouse_sdk::rest::Problem>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// None: everything.
    ranges: Option<Vec<Range>>,
}

/// A media range and its weight in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Range {
    kind: String,
    subtype: String,
    weight: u16,
}

impl Range {
    fn read(item: &str) -> Option<Self> {
        let mut parts = item.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        if kind.is_empty() || subtype.is_empty() || (kind == "*" && subtype != "*") {
            return None;
        }
        let mut weight = 1_000;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            if name.eq_ignore_ascii_case("q") {
                weight = read_weight(value)?;
            }
        }
        Some(Self { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), weight })
    }

    /// How exactly the range names the type; none when it does not cover it.
    fn covers(&self, kind: &str, subtype: &str) -> Option<u8> {
        match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", _) => Some(0),
            (own, "*") if own == kind => Some(1),
            (own, other) if own == kind && other == subtype => Some(2),
            _ => None,
        }
    }
}

/// `qvalue` of RFC 9110, section 12.4.2, in thousandths.
fn read_weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let whole = match whole {
        "0" => 0,
        "1" => 1_000,
        _ => return None,
    };
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    Some(whole + decimals).filter(|weight| *weight <= 1_000)
}

impl Accept {
    /// The one of these media types that the client wants most, and the first of those it wants the same; 406 when it takes
    /// none. The most specific range that covers a type decides about it.
    pub fn choose<'a>(&self, available: &[&'a str]) -> Result<&'a str, Problem> {
        let mut best: Option<(u16, &'a str)> = None;
        for media_type in available {
            let weight = self.weight(media_type);
            if weight > best.map_or(0, |(weight, _)| weight) {
                best = Some((weight, media_type));
            }
        }
        best.map(|(_, media_type)| media_type).ok_or_else(|| {
            Problem::new(406)
                .detail("None of the accepted media types is available.")
                .with("available", available)
        })
    }

    fn weight(&self, media_type: &str) -> u16 {
        let Some(ranges) = &self.ranges else { return 1_000 };
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/').unwrap_or((&essence, ""));
        ranges
            .iter()
            .filter_map(|range| Some((range.covers(kind, subtype)?, range.weight)))
            .max_by_key(|(exactness, _)| *exactness)
            .map_or(0, |(_, weight)| weight)
    }
}

impl FromRequest for Accept {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        let mut ranges = Vec::new();
        for value in request.headers_named("accept") {
            for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                let Some(range) = Range::read(item) else { return Ok(Self { ranges: None }) };
                ranges.push(range);
            }
        }
        Ok(Self { ranges: (!ranges.is_empty()).then_some(ranges) })
    }

    fn describe(endpoint: &mut Endpoint) {
        contract::answer(endpoint, 406, None, &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(accept: &str) -> Result<&'static str, u16> {
        let request = Request::new("GET", "/").with_header("accept", accept);
        let accept = Accept::from_request(&request).unwrap();
        accept
            .choose(&["application/json", "text/html; charset=utf-8", "text/csv"])
            .map_err(|problem| problem.status())
    }

    #[test]
    fn the_most_wanted_type_is_chosen_by_weight_and_by_the_most_specific_range() {
        for (accept, expected) in [
            ("*/*", Ok("application/json")),
            ("text/csv", Ok("text/csv")),
            ("TEXT/CSV;Q=0.1", Ok("text/csv")),
            ("text/*", Ok("text/html; charset=utf-8")),
            ("text/*, text/html;q=0.1", Ok("text/csv")),
            ("text/html;q=0, */*;q=0.1, text/*;q=0.9", Ok("text/csv")),
            ("application/json;q=0.4, text/csv;q=0.5", Ok("text/csv")),
            ("*/*;q=0.1, application/json;q=0", Ok("text/html; charset=utf-8")),
            ("image/png", Err(406)),
            ("*/*;q=0", Err(406)),
            ("application/json;q=0", Err(406)),
            ("application/json;q=0.000, image/*", Err(406)),
            ("", Ok("application/json")),
            ("garbage", Ok("application/json")),
            ("*/json", Ok("application/json")),
            ("text/csv;q=5", Ok("application/json")),
            ("text/csv;q=0.1234", Ok("application/json")),
        ] {
            assert_eq!(choose(accept), expected, "{accept}");
        }
        assert_eq!(
            Accept::from_request(&Request::new("GET", "/")).unwrap().choose(&["text/csv"]).unwrap(),
            "text/csv"
        );
    }

    #[test]
    fn lines_are_one_list() {
        let request = Request::new("GET", "/")
            .with_header("accept", "text/csv;q=0.1")
            .with_header("accept", "text/html");
        let accept = Accept::from_request(&request).unwrap();
        assert_eq!(accept.choose(&["text/csv", "text/html"]).unwrap(), "text/html");
    }
}
