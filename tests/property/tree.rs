//! Values as trees of JSON and of XML-RPC, from `wit/MAPPING.md`, and JSON text.
//!
//! Owns the encoder and the decoder of the mapping's columns JSON and XML-RPC, which differ in bytes and doubles. An encoder can
//! spell differently where the mapping allows it, and can make one mistake, of which it tells the place. Nothing here is the host's.

use super::types::{Of, Type};
use super::values::{Value, range};
use crate::support::random::Random;

/// A tree. Numbers keep their text, objects their order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    /// Base64; of XML-RPC only.
    Bytes(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// Which column of the mapping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Column {
    Json,
    XmlRpc,
}

/// One thing that is to go wrong.
#[derive(Debug)]
pub(super) struct Mistake {
    /// How many values are still encoded right before.
    pub(super) after: usize,
    /// The place as a JSON pointer, and what was done, once it is made.
    pub(super) made: Option<(String, &'static str)>,
}

impl Mistake {
    /// To be made in the value that so many are encoded before.
    pub(super) fn new(after: usize) -> Self {
        Self { after, made: None }
    }

    /// One that is never made, but counts the values.
    pub(super) fn counting() -> Self {
        Self::new(usize::MAX)
    }

    /// How many values such a one has seen.
    pub(super) fn counted(&self) -> usize {
        usize::MAX - self.after
    }
}

/// From values to trees.
pub(super) struct Encoder<'r> {
    pub(super) column: Column,
    /// Chooses among spellings that mean the same; without it there is the one that the host writes.
    pub(super) loose: Option<&'r mut Random>,
    pub(super) mistake: Option<(&'r mut Mistake, &'r mut Random)>,
}

impl<'r> Encoder<'r> {
    pub(super) fn canonical(column: Column) -> Self {
        Self { column, loose: None, mistake: None }
    }

    fn is_loose(&mut self, one_in: usize) -> bool {
        self.loose.as_mut().is_some_and(|random| random.below(one_in) == 0)
    }

    /// A value at a place. `is_optional` says that nothing is as good there.
    pub(super) fn value(&mut self, of: &Of, value: &Value, at: &str, is_optional: bool) -> Tree {
        if let Some((mistake, _)) = &mut self.mistake
            && mistake.made.is_none()
        {
            if mistake.after == 0 {
                return self.wrong(of, value, at, is_optional);
            }
            mistake.after -= 1;
        }
        self.right(of, value, at)
    }

    fn right(&mut self, of: &Of, value: &Value, at: &str) -> Tree {
        match (&**of, value) {
            (Type::Bool, Value::Bool(value)) => Tree::Bool(*value),
            (Type::Integer(bits, _), Value::Integer(number)) => self.integer(*bits, *number),
            (Type::Float32, Value::Float32(number)) => {
                self.float(f64::from(*number), format!("{number:?}"), format!("{number}"))
            }
            (Type::Float64, Value::Float64(number)) => {
                self.float(*number, format!("{number:?}"), format!("{number}"))
            }
            (Type::Char, Value::Char(character)) => Tree::Text(character.to_string()),
            (Type::Text, Value::Text(text)) => Tree::Text(text.clone()),
            (Type::Bytes, Value::Bytes(bytes)) => match self.column {
                Column::Json => Tree::Text(base64(bytes)),
                Column::XmlRpc => Tree::Bytes(base64(bytes)),
            },
            (Type::List(item), Value::List(parts)) => Tree::Array(
                parts
                    .iter()
                    .enumerate()
                    .map(|(place, part)| self.value(item, part, &format!("{at}/{place}"), item.is_option()))
                    .collect(),
            ),
            (Type::Tuple(items), Value::Parts(parts)) => Tree::Array(
                items
                    .iter()
                    .zip(parts)
                    .enumerate()
                    .map(|(place, (item, part))| {
                        self.value(item, part, &format!("{at}/{place}"), item.is_option())
                    })
                    .collect(),
            ),
            (Type::Option(_), Value::Option(None)) => Tree::Null,
            (Type::Option(inner), Value::Option(Some(part))) if inner.is_option() => {
                let part = self.value(inner, part, &format!("{at}/some"), true);
                Tree::Object(vec![("some".to_owned(), part)])
            }
            (Type::Option(inner), Value::Option(Some(part))) => self.value(inner, part, at, true),
            (Type::Record(_, fields), Value::Parts(parts)) => {
                let fields = fields.iter().map(|(name, of)| (name.mapped.as_str(), of));
                self.members(fields.zip(parts), at)
            }
            (Type::Flags(_, names), Value::Flags(set)) => {
                let names = names.iter().zip(set).filter(|(_, is_set)| **is_set);
                let mut names: Vec<Tree> = names.map(|(name, _)| Tree::Text(name.mapped.clone())).collect();
                if self.is_loose(2) {
                    names.reverse();
                }
                Tree::Array(names)
            }
            (_, Value::Case(place, part)) => match (&of.cases()[*place], part) {
                ((name, Some(of)), Some(part)) => {
                    let part = self.value(of, part, &format!("{at}/{name}"), of.is_option());
                    Tree::Object(vec![(name.clone(), part)])
                }
                ((name, _), _) => Tree::Text(name.clone()),
            },
            other => panic!("not of one type: {other:?}"),
        }
    }

    /// Fields or named arguments: empty options are left out.
    pub(super) fn members<'v>(
        &mut self,
        members: impl Iterator<Item = ((&'v str, &'v Of), &'v Value)>,
        at: &str,
    ) -> Tree {
        let mut found = Vec::new();
        for ((name, of), part) in members {
            if *part != Value::Option(None) || self.is_loose(3) {
                found.push((name.to_owned(), self.value(of, part, &format!("{at}/{name}"), of.is_option())));
            }
        }
        if let Some(random) = &mut self.loose {
            for place in 1..found.len() {
                found.swap(place, random.below(place + 1));
            }
        }
        Tree::Object(found)
    }

    fn integer(&mut self, bits: u32, number: i128) -> Tree {
        let digits = number.to_string();
        if bits == 64 {
            let fits = self.column == Column::Json || i64::try_from(number).is_ok();
            return if fits && self.is_loose(3) { Tree::Number(digits) } else { Tree::Text(digits) };
        }
        let is_json = self.column == Column::Json;
        if !is_json {
            let is_wide = i32::try_from(number).is_err();
            return if is_wide && self.is_loose(2) { Tree::Text(digits) } else { Tree::Number(digits) };
        }
        if self.is_loose(4) {
            return Tree::Number(format!("{digits}.0"));
        }
        // The sign and the first digit, and all others behind the point.
        let (first, rest) = digits.split_at(digits.len() - digits.trim_start_matches('-').len() + 1);
        if !rest.is_empty() && self.is_loose(3) {
            return Tree::Number(format!("{first}.{rest}E+{}", rest.len()));
        }
        Tree::Number(digits)
    }

    /// `shortest` has the fewest digits, with an exponent where that is customary; `positional` has no exponent.
    fn float(&mut self, number: f64, shortest: String, positional: String) -> Tree {
        if number.is_nan() {
            return Tree::Text("NaN".to_owned());
        }
        if number.is_infinite() {
            return Tree::Text(if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned());
        }
        let positional = if positional.contains('.') { positional } else { format!("{positional}.0") };
        if self.column == Column::XmlRpc {
            return Tree::Number(positional);
        }
        if self.is_loose(4) {
            return Tree::Number(positional);
        }
        if number.fract() == 0.0 && number != 0.0 && number.abs() < 1e9 && self.is_loose(2) {
            return Tree::Number(format!("{number}"));
        }
        Tree::Number(shortest)
    }

    /// Says where the one mistake is.
    fn made(&mut self, at: String, what: &'static str) {
        if let Some((mistake, _)) = &mut self.mistake {
            mistake.made = Some((at, what));
        }
    }

    /// A value with one mistake at this place, or right if there is none to be made.
    fn wrong(&mut self, of: &Of, value: &Value, at: &str, is_optional: bool) -> Tree {
        // The rest is right, and so is what the mistake is made of.
        let mut right = Encoder::canonical(self.column).right(of, value, at);
        let mut choices: Vec<(Tree, String, &'static str)> = Vec::new();
        let is_json = self.column == Column::Json;
        let text = |text: &str| Tree::Text(text.to_owned());
        let number = |number: &str| Tree::Number(number.to_owned());
        let here = at.to_owned();
        let mut add = |tree: Tree, what: &'static str| choices.push((tree, here.clone(), what));
        if *value != Value::Option(None) && !is_optional && !of.is_option() {
            add(Tree::Null, "null");
        }
        match (&**of, value) {
            (Type::Bool, _) => {
                add(number("1"), "a number for a bool");
                add(text("true"), "a string for a bool");
                add(Tree::Array(Vec::new()), "an array for a bool");
            }
            (Type::Integer(bits, is_signed), _) => {
                let (min, max) = range(*bits, *is_signed);
                let (below, above) = ((min - 1).to_string(), (max + 1).to_string());
                add(Tree::Bool(true), "a bool for an integer");
                add(number("1.5"), "a fraction for an integer");
                add(Tree::Object(Vec::new()), "an object for an integer");
                if *bits == 64 {
                    add(text(&below), "below the range");
                    add(text(&above), "above the range");
                    for other in ["", "007", "+7", " 7", "7 ", "-0", "1.0", "0x7", "٣"] {
                        add(text(other), "another spelling of an integer");
                    }
                } else {
                    add(number(&below), "below the range");
                    add(number(&above), "above the range");
                    if is_json || *bits < 32 {
                        add(text("7"), "a string for an integer");
                    }
                }
            }
            (Type::Float32 | Type::Float64, _) => {
                add(text("1.5"), "a string for a float");
                add(text("inf"), "another spelling of infinity");
                add(Tree::Bool(false), "a bool for a float");
                if is_json {
                    add(number("1e999"), "beyond the largest float");
                }
                if **of == Type::Float32 {
                    add(number("350000000000000000000000000000000000000.0"), "beyond the largest float");
                }
            }
            (Type::Char, _) => {
                add(text(""), "no character");
                add(text("ab"), "two characters");
                add(number("97"), "a number for a character");
            }
            (Type::Text, _) => {
                add(number("7"), "a number for a string");
                add(Tree::Bool(true), "a bool for a string");
                add(Tree::Array(vec![text("a")]), "an array for a string");
            }
            (Type::Bytes, _) => {
                add(Tree::Array(vec![number("1")]), "an array for bytes");
                add(number("7"), "a number for bytes");
                if is_json {
                    for other in ["a", "aGVsbG8", "****", "AB==", "-_-_", "AA==\n"] {
                        add(text(other), "another spelling of base64");
                    }
                } else {
                    add(text("AA=="), "a string for bytes");
                }
            }
            (Type::List(_), _) => {
                add(Tree::Object(Vec::new()), "an object for a list");
                add(text("1,2"), "a string for a list");
            }
            (Type::Tuple(_), _) => {
                let Tree::Array(parts) = &right else { unreachable!("a tuple is an array") };
                let mut more = parts.clone();
                more.push(Tree::Null);
                add(Tree::Array(more), "one item too many");
                add(Tree::Array(parts[..parts.len() - 1].to_vec()), "one item too few");
                add(Tree::Object(Vec::new()), "an object for a tuple");
            }
            (Type::Option(inner), Value::Option(Some(_))) if inner.is_option() => {
                add(number("7"), "no object for an option in an option");
                add(Tree::Object(Vec::new()), "an empty object for an option in an option");
                let Tree::Object(members) = &right else { unreachable!("`some` is an object") };
                let mut more = members.clone();
                more.push(("other".to_owned(), Tree::Null));
                add(Tree::Object(more), "one member too many");
            }
            (Type::Record(_, fields), Value::Parts(_)) => {
                add(Tree::Array(Vec::new()), "an array for a record");
                add(text("record"), "a string for a record");
                let Tree::Object(members) = &right else { unreachable!("a record is an object") };
                let mut more = members.clone();
                more.push(("no-field/~".to_owned(), Tree::Bool(true)));
                choices.push((Tree::Object(more), format!("{at}/no-field~1~0"), "an unknown member"));
                for (name, _) in fields.iter().filter(|(_, of)| !of.is_option()) {
                    let mut fewer = members.clone();
                    fewer.retain(|(known, _)| *known != name.mapped);
                    choices.push((Tree::Object(fewer), format!("{at}/{}", name.mapped), "a missing member"));
                }
                if let (true, Some((name, part))) = (is_json, members.last()) {
                    let mut twice = members.clone();
                    twice.push((name.clone(), part.clone()));
                    choices.push((Tree::Object(twice), format!("{at}/{name}"), "a member twice"));
                }
            }
            (Type::Flags(_, names), _) => {
                add(number("5"), "a number for flags");
                add(text(&names[0].mapped), "a string for flags");
                let Tree::Array(set) = &right else { unreachable!("flags are an array") };
                for (more, what) in
                    [(Some(text("no-flag")), "an unknown flag"), (set.first().cloned(), "a flag twice")]
                {
                    if let Some(more) = more {
                        let place = format!("{at}/{}", set.len());
                        choices.push((Tree::Array([&set[..], &[more]].concat()), place, what));
                    }
                }
            }
            (_, Value::Case(place, part)) => {
                let (name, _) = &of.cases()[*place];
                add(text("no-case"), "an unknown case");
                add(number("0"), "a number for a case");
                add(Tree::Object(Vec::new()), "an empty object for a case");
                add(Tree::Array(Vec::new()), "an array for a case");
                add(Tree::Object(vec![("no-case".to_owned(), Tree::Null)]), "an unknown case");
                if part.is_some() {
                    add(text(name), "a case without what it carries");
                    let Tree::Object(members) = &right else { unreachable!("such a case is an object") };
                    let mut more = members.clone();
                    more.push(("other".to_owned(), Tree::Null));
                    add(Tree::Object(more), "one member too many");
                } else {
                    add(Tree::Object(vec![(name.clone(), Tree::Null)]), "a case with something");
                }
            }
            _ => {}
        }
        let Some((_, random)) = &mut self.mistake else { return right };
        if !choices.is_empty() {
            let (tree, place, what) = choices.swap_remove(random.below(choices.len()));
            right = tree;
            self.made(place, what);
        }
        right
    }
}

/// A value back from a tree in the host's spelling.
pub(super) fn decode(of: &Of, tree: &Tree, column: Column) -> Result<Value, String> {
    let wrong = || format!("{tree:?} is no {}", of.wit());
    Ok(match (&**of, tree) {
        (Type::Bool, Tree::Bool(value)) => Value::Bool(*value),
        (Type::Integer(64, _), Tree::Text(digits)) => Value::Integer(digits.parse().map_err(|_| wrong())?),
        (Type::Integer(bits, _), Tree::Number(digits)) if *bits < 64 => {
            Value::Integer(digits.parse().map_err(|_| wrong())?)
        }
        (Type::Float32, _) => Value::Float32(match float(tree).ok_or_else(wrong)? {
            Ok(special) => {
                if special.is_nan() {
                    f32::NAN
                } else {
                    f32::INFINITY.copysign(if special > 0.0 { 1.0 } else { -1.0 })
                }
            }
            Err(digits) => digits.parse().map_err(|_| wrong())?,
        }),
        (Type::Float64, _) => Value::Float64(match float(tree).ok_or_else(wrong)? {
            Ok(special) => special,
            Err(digits) => digits.parse().map_err(|_| wrong())?,
        }),
        (Type::Char, Tree::Text(text)) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Value::Char(character),
                _ => return Err(wrong()),
            }
        }
        (Type::Text, Tree::Text(text)) => Value::Text(text.clone()),
        (Type::Bytes, Tree::Text(text)) if column == Column::Json => {
            Value::Bytes(unbase64(text).ok_or_else(wrong)?)
        }
        (Type::Bytes, Tree::Bytes(text)) => Value::Bytes(unbase64(text).ok_or_else(wrong)?),
        (Type::List(item), Tree::Array(parts)) => {
            Value::List(parts.iter().map(|part| decode(item, part, column)).collect::<Result<_, _>>()?)
        }
        (Type::Tuple(items), Tree::Array(parts)) if items.len() == parts.len() => Value::Parts(
            items
                .iter()
                .zip(parts)
                .map(|(item, part)| decode(item, part, column))
                .collect::<Result<_, _>>()?,
        ),
        (Type::Option(_), Tree::Null) => Value::Option(None),
        (Type::Option(inner), Tree::Object(members)) if inner.is_option() => match &members[..] {
            [(name, part)] if name == "some" => Value::Option(Some(Box::new(decode(inner, part, column)?))),
            _ => return Err(wrong()),
        },
        (Type::Option(inner), tree) => Value::Option(Some(Box::new(decode(inner, tree, column)?))),
        (Type::Record(_, fields), Tree::Object(members)) => {
            let part = |name: &str, of: &Of| match members.iter().find(|(known, _)| known == name) {
                Some((_, part)) => decode(of, part, column),
                None if of.is_option() => Ok(Value::Option(None)),
                None => Err(wrong()),
            };
            Value::Parts(fields.iter().map(|(name, of)| part(&name.mapped, of)).collect::<Result<_, _>>()?)
        }
        (Type::Flags(_, names), Tree::Array(set)) => {
            Value::Flags(names.iter().map(|name| set.contains(&Tree::Text(name.mapped.clone()))).collect())
        }
        (_, Tree::Text(name)) => {
            let place = of.cases().iter().position(|(known, of)| known == name && of.is_none());
            Value::Case(place.ok_or_else(wrong)?, None)
        }
        (_, Tree::Object(members)) if members.len() == 1 => {
            let cases = of.cases();
            let place = cases.iter().position(|(known, _)| *known == members[0].0).ok_or_else(wrong)?;
            let payload = cases[place].1.as_ref().ok_or_else(wrong)?;
            Value::Case(place, Some(Box::new(decode(payload, &members[0].1, column)?)))
        }
        _ => return Err(wrong()),
    })
}

/// One of the three that are no numbers, or digits.
fn float(tree: &Tree) -> Option<Result<f64, &str>> {
    match tree {
        Tree::Number(digits) => Some(Err(digits)),
        Tree::Text(text) => Some(Ok(match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            _ => return None,
        })),
        _ => None,
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().chain(&[0; 2]).take(3).fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..4 {
            let digit = char::from(ALPHABET[bits >> (18 - 6 * place) & 63]);
            out.push(if place > three.len() { '=' } else { digit });
        }
    }
    out
}

/// The same back, in its one spelling.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for four in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut bits = 0;
        for place in 0..4 {
            let digit = match four.get(place) {
                Some(digit) => ALPHABET.iter().position(|known| known == digit)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(digit).ok()?;
        }
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    (base64(&bytes) == text).then_some(bytes)
}

/// JSON text, with random blanks and escapes where that is asked for.
pub(super) fn write(tree: &Tree, loose: &mut Option<&mut Random>) -> String {
    let mut out = String::new();
    push(tree, loose, &mut out);
    out
}

fn push(tree: &Tree, loose: &mut Option<&mut Random>, out: &mut String) {
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Tree::Number(text) => out.push_str(text),
        Tree::Text(text) | Tree::Bytes(text) => push_text(text, loose, out),
        Tree::Array(parts) => {
            out.push('[');
            for (place, part) in parts.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                push_blank(loose, out);
                push(part, loose, out);
            }
            push_blank(loose, out);
            out.push(']');
        }
        Tree::Object(members) => {
            out.push('{');
            for (place, (name, part)) in members.iter().enumerate() {
                out.push_str(if place > 0 { "," } else { "" });
                push_blank(loose, out);
                push_text(name, loose, out);
                push_blank(loose, out);
                out.push(':');
                push_blank(loose, out);
                push(part, loose, out);
            }
            out.push('}');
        }
    }
}

fn push_blank(loose: &mut Option<&mut Random>, out: &mut String) {
    if let Some(random) = loose {
        out.push_str(["", "", "", " ", "\n", "\t\r "][random.below(6)]);
    }
}

fn push_text(text: &str, loose: &mut Option<&mut Random>, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        let is_escaped = loose.as_mut().is_some_and(|random| random.below(12) == 0);
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '/' if is_escaped => out.push_str("\\/"),
            character if is_escaped || character < ' ' => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04X}"));
                }
            }
            character => out.push(character),
        }
    }
    out.push('"');
}

/// Reads JSON text. That it is JSON is asked of `serde_json`; what is read here keeps the texts of numbers and the order of members.
pub(super) fn read(text: &str) -> Result<Tree, String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| format!("not JSON: {error}"))?;
    let mut rest = text;
    Ok(read_value(&mut rest))
}

fn read_value(rest: &mut &str) -> Tree {
    const BLANK: [char; 4] = [' ', '\t', '\n', '\r'];
    let skip = |rest: &mut &str, expected: &[char]| {
        *rest = rest.trim_start_matches(BLANK);
        let found = rest.starts_with(expected);
        *rest = if found { rest[1..].trim_start_matches(BLANK) } else { rest };
        found
    };
    *rest = rest.trim_start_matches(BLANK);
    match rest.as_bytes()[0] {
        b'[' => {
            let mut parts = Vec::new();
            skip(rest, &['[']);
            while !skip(rest, &[']']) {
                parts.push(read_value(rest));
                skip(rest, &[',']);
            }
            Tree::Array(parts)
        }
        b'{' => {
            let mut members = Vec::new();
            skip(rest, &['{']);
            while !skip(rest, &['}']) {
                let Tree::Text(name) = read_value(rest) else { unreachable!("it is JSON") };
                skip(rest, &[':']);
                members.push((name, read_value(rest)));
                skip(rest, &[',']);
            }
            Tree::Object(members)
        }
        b'"' => {
            let mut end = 1;
            while rest.as_bytes()[end] != b'"' {
                end += if rest.as_bytes()[end] == b'\\' { 2 } else { 1 };
            }
            let (text, after) = rest.split_at(end + 1);
            *rest = after;
            Tree::Text(serde_json::from_str(text).expect("a string of JSON"))
        }
        _ => {
            let end = rest.find([',', ']', '}', ' ', '\n']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            *rest = after;
            match word {
                "null" => Tree::Null,
                "true" => Tree::Bool(true),
                "false" => Tree::Bool(false),
                number => Tree::Number(number.to_owned()),
            }
        }
    }
}

impl Tree {
    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(known, _)| known == name).map(|(_, part)| part),
            _ => None,
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
