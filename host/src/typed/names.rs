//! Names: from WIT's kebab-case to what every style calls a thing.
//!
//! Owns the one rule, which stands in `wit/MAPPING.md`: `unit-price` is `unitPrice` wherever a client program would want an
//! identifier, types are `OrderLine`, and paths of REST keep their hyphens. Refuses to know what a name stands for. That two
//! names may meet after the mapping is found by whoever maps a whole set of them.

/// `get-order` as `getOrder`. Words after the first begin with an upper-case letter; an acronym stays as it is.
#[must_use]
pub fn lower_camel(kebab: &str) -> String {
    camel(kebab, false)
}

/// `order-line` as `OrderLine`.
#[must_use]
pub fn upper_camel(kebab: &str) -> String {
    camel(kebab, true)
}

fn camel(kebab: &str, mut raise: bool) -> String {
    let mut out = String::with_capacity(kebab.len());
    for word in kebab.split('-') {
        let mut letters = word.chars();
        match letters.next() {
            // A first word that is an acronym would otherwise begin an identifier with an upper-case letter.
            Some(_) if !raise && word.bytes().all(|byte| !byte.is_ascii_lowercase()) => {
                out.push_str(&word.to_ascii_lowercase());
            }
            Some(first) if raise => {
                out.push(first.to_ascii_uppercase());
                out.push_str(letters.as_str());
            }
            Some(_) => out.push_str(word),
            None => {}
        }
        raise = true;
    }
    out
}

/// `not-found` as `not found`: a case's name in a sentence.
#[must_use]
pub fn words(kebab: &str) -> String {
    kebab.replace('-', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_but_the_first_begins_with_an_upper_case_letter() {
        for (kebab, lower, upper) in [
            ("order", "order", "Order"),
            ("get-order", "getOrder", "GetOrder"),
            ("unit-price-2", "unitPrice2", "UnitPrice2"),
            ("parse-URL", "parseURL", "ParseURL"),
            ("URL-of", "urlOf", "URLOf"),
            ("a-b-c", "aBC", "ABC"),
            ("x1-y2", "x1Y2", "X1Y2"),
        ] {
            assert_eq!((lower_camel(kebab).as_str(), upper_camel(kebab).as_str()), (lower, upper));
        }
    }
}
