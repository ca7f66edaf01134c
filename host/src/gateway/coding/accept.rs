//! What a client accepts: `Accept-Encoding` (RFC 9110, section 12.5.3).
//!
//! Owns its grammar and its rules of preference. An item that breaks the grammar is passed over, as if it were a coding that
//! nobody knows.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::Coding;

/// Weights in thousandths: three digits are all that the grammar allows (RFC 9110, section 12.4.2).
type Weight = u16;

/// How much a client wants each coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acceptable {
    /// In the order of [`Coding::OFFERED`]; 0 is not at all.
    offered: [Weight; 3],
    /// As it is. None: not spoken of, which is allowed and less wanted than anything that is.
    identity: Option<Weight>,
}

impl Acceptable {
    /// The client did not say. It may take anything (RFC 9110, section 12.5.3), but who does not ask often cannot read it.
    pub(super) const UNSAID: Self = Self { offered: [0; 3], identity: None };

    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut named: [Option<Weight>; 3] = [None; 3];
        let mut identity = None;
        let mut any = None;
        for value in headers.get_all(ACCEPT_ENCODING) {
            let Ok(text) = value.to_str() else { continue };
            for (name, weight) in text.split(',').filter_map(item) {
                if name == "*" {
                    any = Some(weight);
                } else if name.eq_ignore_ascii_case("identity") {
                    identity = Some(weight);
                } else if let Some(coding) = Coding::named(name)
                    && let Some(place) = place(coding).and_then(|place| named.get_mut(place))
                {
                    *place = Some(weight);
                }
            }
        }
        // `*` stands for everything that is not named, "as it is" included only where it forbids.
        let offered = named.map(|weight| weight.or(any).unwrap_or(0));
        let identity = identity.or_else(|| any.filter(|weight| *weight == 0));
        Self { offered, identity }
    }

    /// Whether the client takes this coding.
    pub(super) fn takes(&self, coding: Coding) -> bool {
        place(coding).and_then(|place| self.offered.get(place)).is_some_and(|weight| *weight > 0)
    }

    /// Whether the client takes a body as it is.
    pub(super) fn takes_identity(&self) -> bool {
        self.identity != Some(0)
    }

    /// What the client wants most; none when that is the body as it is.
    pub(super) fn best(&self) -> Option<Coding> {
        let mut best = None;
        let mut most = self.identity.unwrap_or(0).max(1);
        // As it is, only when it is wanted more than every coding.
        for (coding, weight) in Coding::OFFERED.into_iter().zip(self.offered) {
            if weight > most || (weight == most && best.is_none()) {
                (best, most) = (Some(coding), weight);
            }
        }
        best
    }

    /// Whether anything that the host can send is acceptable.
    pub(super) fn can_be_met(&self, compression: bool) -> bool {
        self.takes_identity() || (compression && self.best().is_some())
    }
}

fn place(coding: Coding) -> Option<usize> {
    Coding::OFFERED.iter().position(|offered| *offered == coding)
}

/// One coding and its weight.
fn item(text: &str) -> Option<(&str, Weight)> {
    let (name, parameters) = match text.split_once(';') {
        Some((name, parameters)) => (name, Some(parameters)),
        None => (text, None),
    };
    let name = trim(name);
    if name.is_empty() {
        return None;
    }
    let weight = match parameters {
        None => 1_000,
        Some(parameters) => {
            let (key, value) = trim(parameters).split_once('=')?;
            if !key.eq_ignore_ascii_case("q") {
                return None;
            }
            weight(value)?
        }
    };
    Some((name, weight))
}

/// `qvalue`: 0 or 1 with at most three decimals.
fn weight(text: &str) -> Option<Weight> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let whole = match whole {
        "0" => 0,
        "1" => 1_000,
        _ => return None,
    };
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals: Weight = format!("{decimals:0<3}").parse().ok()?;
    Some(whole + decimals).filter(|weight| *weight <= 1_000)
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Acceptable {
        Acceptable::read(&values.iter().map(|value| (ACCEPT_ENCODING, value.parse().unwrap())).collect())
    }

    #[test]
    fn the_most_wanted_coding_is_chosen_and_the_cheapest_of_equals() {
        for (value, expected) in [
            ("gzip", Some(Coding::Gzip)),
            ("GZIP", Some(Coding::Gzip)),
            ("x-gzip", Some(Coding::Gzip)),
            ("gzip, deflate, br", Some(Coding::Brotli)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstandard)),
            ("gzip;q=1.0, br;q=0.999", Some(Coding::Gzip)),
            ("gzip ; q=0.5 ,\tbr; q=0.8", Some(Coding::Brotli)),
            ("*", Some(Coding::Zstandard)),
            ("*, zstd;q=0", Some(Coding::Brotli)),
            ("*;q=0.1, gzip;q=0.2", Some(Coding::Gzip)),
            ("identity;q=0.5, gzip;q=0.1", None),
            ("identity;q=0.5, gzip;q=0.5", Some(Coding::Gzip)),
            ("identity, gzip;q=0.9", None),
            ("gzip;q=0.001", Some(Coding::Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=0.000", None),
            ("deflate", None),
            ("", None),
            (",, ,", None),
            ("gzip;q=2", None),
            ("gzip;q=0.5000", None),
            ("gzip;q=1.001", None),
            ("gzip;q=", None),
            ("gzip;level=9", None),
            ("gzip;q=x, br", Some(Coding::Brotli)),
            ("nonsense, compress", None),
        ] {
            assert_eq!(read(&[value]).best(), expected, "{value}");
        }
        assert_eq!(read(&["br;q=0.1", "gzip"]).best(), Some(Coding::Gzip), "lines are one list");
        assert_eq!(Acceptable::UNSAID.best(), None);
    }

    #[test]
    fn a_body_as_it_is_is_acceptable_unless_it_is_excluded() {
        for (value, as_it_is, with_codings) in [
            ("gzip;q=0", true, true),
            ("", true, true),
            ("identity;q=0, *;q=0", false, false),
            ("*;q=0", false, false),
            ("identity;q=0", false, false),
            ("identity;q=0, gzip", false, true),
            ("*;q=0, gzip", false, true),
            ("*;q=0, identity", true, true),
            ("*;q=0, identity;q=0.1", true, true),
            ("compress, identity;q=0", false, false),
        ] {
            let acceptable = read(&[value]);
            assert_eq!(acceptable.takes_identity(), as_it_is, "{value}");
            assert_eq!(acceptable.can_be_met(false), as_it_is, "{value}");
            assert_eq!(acceptable.can_be_met(true), with_codings, "{value}");
        }
    }
}
