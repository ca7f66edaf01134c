//! Conditional requests (RFC 9110, section 13): entity tags, and what a client makes its request depend on.

use std::fmt;

use super::contract::{self, Endpoint};
use super::{FromRequest, Problem, Request, Response};

/// An entity tag (RFC 9110, section 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag {
    weak: bool,
    opaque: String,
}

impl ETag {
    /// A strong tag. Two representations with the same tag are the same byte for byte. Of `text`, a revision or a
    /// digest, what may not stand in a tag is left out.
    pub fn strong(text: impl fmt::Display) -> Self {
        let opaque = text.to_string().chars().filter(|letter| is_tag_letter(*letter)).collect();
        Self { weak: false, opaque }
    }

    /// A weak tag: representations with the same tag are as good as the same.
    pub fn weak(text: impl fmt::Display) -> Self {
        Self { weak: true, ..Self::strong(text) }
    }

    /// A strong tag made from the bytes of a representation (FNV-1a, 128 bits). It tells versions apart; whoever wants to
    /// can make two representations with the same tag.
    pub fn of(bytes: &[u8]) -> Self {
        const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        let hash = bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
        Self { weak: false, opaque: format!("{hash:032x}") }
    }

    /// Strong comparison: both strong and the same (RFC 9110, section 8.8.3.2).
    pub fn matches_strongly(&self, other: &Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison: the same but for their strength.
    pub fn matches_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

/// `etagc` of RFC 9110, section 8.8.3.
fn is_tag_letter(letter: char) -> bool {
    letter == '!' || ('\u{23}'..='\u{7e}').contains(&letter) || letter >= '\u{80}'
}

/// One of `If-Match` and `If-None-Match`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// `*`: any representation at all.
    Any,
    /// A list of tags. What is no tag is left out, so that a list of nothing else matches nothing.
    Tags(Vec<ETag>),
}

impl Condition {
    fn read(request: &Request, name: &str) -> Option<Self> {
        let mut found = None;
        for value in request.headers_named(name) {
            if value.trim() == "*" {
                return Some(Self::Any);
            }
            let tags = found.get_or_insert_with(Vec::new);
            read_tags(value, tags);
        }
        found.map(Self::Tags)
    }
}

/// Reads a comma list of tags. A tag may contain commas, so the list is not split at them.
fn read_tags(mut text: &str, tags: &mut Vec<ETag>) {
    loop {
        text = text.trim_start_matches([' ', '\t', ',']);
        let (weak, rest) = match text.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let quoted = rest.strip_prefix('"').and_then(|inner| inner.split_once('"'));
        match quoted {
            Some((opaque, after)) if opaque.chars().all(is_tag_letter) => {
                tags.push(ETag { weak, opaque: opaque.to_owned() });
                text = after;
            }
            Some((_, after)) => text = after,
            // No tag: on to the next comma.
            None => match text.split_once(',') {
                Some((_, after)) => text = after,
                None => return,
            },
        }
    }
}

/// What the client makes its request depend on: `If-Match`, `If-None-Match`, `If-Modified-Since` and `If-Unmodified-Since`.
///
/// GET needs one line: [`answer`](Self::answer). A method that changes something asks [`require`](Self::require) first, in the
/// same transaction. `Range` and `If-Range` are left alone: whoever answers with a part looks at them itself.
///
/// ```
/// use guesthouse_sdk::rest::{ETag, FromRequest, Preconditions, Request};
///
/// let request = Request::new("GET", "/items/7").with_header("if-none-match", "W/\"3\", \"4\"");
/// let conditions = Preconditions::from_request(&request)?;
/// assert!(conditions.not_modified(&ETag::strong(3)));
/// # Ok::<_, guesthouse_sdk::rest::Problem>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preconditions {
    if_match: Option<Condition>,
    if_none_match: Option<Condition>,
    /// As sent. It is compared with the date that the client was given, and nothing else: what is garbage, or in the future,
    /// is none that it was given, and no clock is needed to see it.
    if_modified_since: Option<String>,
    if_unmodified_since: Option<String>,
}

/// The fields of a 200 that its 304 has, too (RFC 9110, section 15.4.5).
const KEPT_BY_NOT_MODIFIED: [&str; 6] =
    ["cache-control", "content-location", "etag", "expires", "last-modified", "vary"];

impl Preconditions {
    /// The answer to GET under the client's conditions: `response`, or 304 when the client has it already, or 412 when it is not
    /// what it must be. What is compared stands in its `ETag` and `Last-Modified`. Conditions are checked in the order of
    /// RFC 9110, section 13.2.2; an answer other than 2xx is under none (section 13.2.1).
    ///
    /// ```
    /// use guesthouse_sdk::rest::{ETag, FromRequest, Preconditions, Request, Response};
    ///
    /// let request = Request::new("GET", "/items/7").with_header("if-none-match", "\"3\"");
    /// let conditions = Preconditions::from_request(&request)?;
    /// let answer = conditions.answer(Response::text(200, "seven").etag(&ETag::strong(3)))?;
    /// assert_eq!((answer.status, answer.body.len()), (304, 0));
    /// # Ok::<_, guesthouse_sdk::rest::Problem>(())
    /// ```
    pub fn answer(&self, response: Response) -> Result<Response, Problem> {
        if !(200..300).contains(&response.status) {
            return Ok(response);
        }
        let field = |wanted: &str| {
            response
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        let mut tags = Vec::new();
        read_tags(field("etag").map_or("", String::as_str), &mut tags);
        let current = tags.pop();
        let modified = field("last-modified");
        // A date says nothing where a tag was asked for.
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => {
                let holds = match (condition, &current) {
                    (Condition::Any, _) => true,
                    (Condition::Tags(tags), Some(current)) => {
                        tags.iter().any(|tag| tag.matches_strongly(current))
                    }
                    (Condition::Tags(_), None) => false,
                };
                if !holds {
                    return Err(has_changed(current.as_ref()));
                }
            }
            (None, Some(date)) => {
                let modified = modified.and_then(|modified| in_order(modified));
                if let (Some(modified), Some(date)) = (modified, in_order(date))
                    && modified > date
                {
                    return Err(has_changed(current.as_ref()));
                }
            }
            _ => {}
        }
        let is_held = match (&self.if_none_match, &self.if_modified_since) {
            (Some(Condition::Any), _) => true,
            (Some(Condition::Tags(tags)), _) => {
                current.is_some_and(|current| tags.iter().any(|tag| tag.matches_weakly(&current)))
            }
            (None, Some(date)) => modified == Some(date),
            (None, None) => false,
        };
        if !is_held {
            return Ok(response);
        }
        let mut not_modified = Response::new(304);
        not_modified.headers = response.headers;
        not_modified
            .headers
            .retain(|(name, _)| KEPT_BY_NOT_MODIFIED.iter().any(|kept| name.eq_ignore_ascii_case(kept)));
        Ok(not_modified)
    }

    /// Whether GET is answered with 304, because the client already has the representation with tag `current`. Checked
    /// after [`require`](Self::require).
    pub fn not_modified(&self, current: &ETag) -> bool {
        match &self.if_none_match {
            None => false,
            Some(Condition::Any) => true,
            Some(Condition::Tags(tags)) => tags.iter().any(|tag| tag.matches_weakly(current)),
        }
    }

    /// Whether a method that changes something may go on: 412 when `If-Match` does not hold, or `If-None-Match` does not.
    /// `current` is the tag of what is there now, none when nothing is.
    pub fn require(&self, current: Option<&ETag>) -> Result<(), Problem> {
        self.require_match(current)?;
        match current {
            Some(current) if self.not_modified(current) => {
                Err(Problem::new(412).detail("What If-None-Match excludes is there."))
            }
            _ => Ok(()),
        }
    }

    /// The part of [`require`](Self::require) that GET needs too: 412 when `If-Match` does not hold.
    pub fn require_match(&self, current: Option<&ETag>) -> Result<(), Problem> {
        let holds = match (&self.if_match, current) {
            (None, _) | (Some(Condition::Any), Some(_)) => true,
            (Some(_), None) => false,
            (Some(Condition::Tags(tags)), Some(current)) => {
                tags.iter().any(|tag| tag.matches_strongly(current))
            }
        };
        if holds {
            return Ok(());
        }
        Err(has_changed(current))
    }

    /// 428 when the client has set no condition: for changes that must not be made blindly (RFC 6585, section 3).
    pub fn demand(&self) -> Result<(), Problem> {
        let conditions = [&self.if_match, &self.if_none_match];
        if conditions.iter().any(|condition| condition.is_some()) || self.if_unmodified_since.is_some() {
            return Ok(());
        }
        Err(Problem::new(428).detail("Send If-Match with the ETag that your change is based on."))
    }
}

fn has_changed(current: Option<&ETag>) -> Problem {
    let problem = Problem::new(412).detail("It is not what the condition names any more.");
    match current {
        Some(current) => problem.header("etag", &current.to_string()),
        None => problem,
    }
}

/// A date of the form that servers send, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7), with its parts in the order
/// in which they count. None for any other text.
fn in_order(text: &str) -> Option<(&str, usize, &str, &str)> {
    const FORM: &str = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let fits = text.len() == FORM.len()
        && text.bytes().zip(FORM.bytes()).all(|(byte, form)| match form {
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            b'0' => byte.is_ascii_digit(),
            literal => byte == literal,
        });
    if !fits {
        return None;
    }
    let month = MONTHS.iter().position(|month| text.get(8..11) == Some(*month))?;
    Some((text.get(12..16)?, month, text.get(5..7)?, text.get(17..25)?))
}

impl FromRequest for Preconditions {
    fn from_request(request: &Request) -> Result<Self, Problem> {
        Ok(Self {
            if_match: Condition::read(request, "if-match"),
            if_none_match: Condition::read(request, "if-none-match"),
            if_modified_since: request.header("if-modified-since").map(str::to_owned),
            if_unmodified_since: request.header("if-unmodified-since").map(str::to_owned),
        })
    }

    fn describe(endpoint: &mut Endpoint) {
        contract::header_parameter(
            endpoint,
            "if-match",
            "Only if the resource has one of these entity tags, or `*`.",
        );
        contract::header_parameter(
            endpoint,
            "if-none-match",
            "Only if the resource has none of these entity tags, or `*`.",
        );
        if endpoint.method == "GET" {
            contract::answer(endpoint, 304, None, &["etag"]);
        }
        contract::answer(endpoint, 412, None, &[]);
    }
}
