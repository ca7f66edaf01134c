//! Random values of a type, with the edges more often than chance would have them.

use std::rc::Rc;

use super::types::{Function, Gives, Of, Type};
use crate::support::random::Random;

/// A value of WIT.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Bool(bool),
    Integer(i128),
    Float32(f32),
    Float64(f64),
    Char(char),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Option(Option<Box<Value>>),
    /// Of a tuple or a record.
    Parts(Vec<Value>),
    /// Of a variant, an enum or a result.
    Case(usize, Option<Box<Value>>),
    Flags(Vec<bool>),
}

/// Equal with all its bits, but that one NaN is as good as another.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Integer(one), Self::Integer(other)) => one == other,
            (Self::Float32(one), Self::Float32(other)) => {
                one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan())
            }
            (Self::Float64(one), Self::Float64(other)) => {
                one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan())
            }
            (Self::Char(one), Self::Char(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            (Self::List(one), Self::List(other)) | (Self::Parts(one), Self::Parts(other)) => one == other,
            (Self::Option(one), Self::Option(other)) => one == other,
            (Self::Case(one, payload), Self::Case(other, other_payload)) => {
                one == other && payload == other_payload
            }
            (Self::Flags(one), Self::Flags(other)) => one == other,
            _ => false,
        }
    }
}

impl Value {
    /// Whether a character in it satisfies a condition.
    pub(super) fn any_character(&self, is: &dyn Fn(char) -> bool) -> bool {
        match self {
            Self::Char(character) => is(*character),
            Self::Text(text) => text.chars().any(is),
            Self::List(parts) | Self::Parts(parts) => parts.iter().any(|part| part.any_character(is)),
            Self::Option(inner) | Self::Case(_, inner) => {
                inner.as_ref().is_some_and(|inner| inner.any_character(is))
            }
            _ => false,
        }
    }
}

/// Arguments and the answer that they are to have.
pub(super) fn call(function: &Function, random: &mut Random) -> (Vec<Value>, Value) {
    let mut room = 60;
    if function.gives == Gives::Recast {
        // What may not stand in a call is to stand in many an answer.
        let answer = match random.below(2) {
            0 => value(&function.returns, random, &mut room),
            _ => barred(&function.returns, random, &mut room),
        };
        return (vec![raw(&answer)], answer);
    }
    let is_deep = random.below(4) == 0;
    let mut argument = |of: &Of| if is_deep { deepest(of, random) } else { value(of, random, &mut room) };
    let arguments: Vec<Value> = function.parameters.iter().map(|(_, of)| argument(of)).collect();
    let answer = answer(function, &arguments);
    (arguments, answer)
}

/// The answer to arguments of a function that does not recast.
pub(super) fn answer(function: &Function, arguments: &[Value]) -> Value {
    match function.gives {
        Gives::One(place) => arguments[place].clone(),
        Gives::All | Gives::Recast => Value::Parts(arguments.to_vec()),
    }
}

/// A value of a type, of about so many parts at most.
pub(super) fn value(of: &Of, random: &mut Random, room: &mut usize) -> Value {
    *room = room.saturating_sub(1);
    let boxed = |of: &Of, random: &mut Random, room: &mut usize| Box::new(value(of, random, room));
    match &**of {
        Type::Bool => Value::Bool(random.below(2) == 0),
        Type::Integer(bits, is_signed) => Value::Integer(integer(*bits, *is_signed, random)),
        Type::Float32 => Value::Float32(float32(random)),
        Type::Float64 => Value::Float64(float64(random)),
        Type::Char => Value::Char(character(random)),
        Type::Text => Value::Text(text(random)),
        Type::Bytes => {
            let length = [0, 1, 2, 3, 4, 17, 300][random.below(7)];
            Value::Bytes((0..length).map(|_| random.next().to_le_bytes()[0]).collect())
        }
        Type::List(item) => {
            let length = match random.below(12) {
                0 if *room > 20 => 40,
                chance => chance % 4,
            };
            Value::List((0..length.min(*room)).map(|_| value(item, random, room)).collect())
        }
        Type::Option(inner) => Value::Option((random.below(3) > 0).then(|| boxed(inner, random, room))),
        Type::Tuple(items) => Value::Parts(items.iter().map(|item| value(item, random, room)).collect()),
        Type::Record(_, fields) => {
            Value::Parts(fields.iter().map(|(_, of)| value(of, random, room)).collect())
        }
        Type::Variant(..) | Type::Enum(..) | Type::Result(..) => {
            let cases = of.cases();
            let place = [0, cases.len() - 1, random.below(cases.len())][random.below(3)];
            Value::Case(place, cases[place].1.as_ref().map(|of| boxed(of, random, room)))
        }
        Type::Flags(_, flags) => {
            let all = random.below(4);
            Value::Flags(flags.iter().map(|_| all == 1 || all > 1 && random.below(2) == 0).collect())
        }
    }
}

/// A value in which nothing is empty, so that it nests as deep as its type.
fn deepest(of: &Of, random: &mut Random) -> Value {
    match &**of {
        Type::List(item) => Value::List(vec![deepest(item, random)]),
        Type::Option(inner) => Value::Option(Some(Box::new(deepest(inner, random)))),
        Type::Tuple(items) => Value::Parts(items.iter().map(|item| deepest(item, random)).collect()),
        Type::Record(_, fields) => Value::Parts(fields.iter().map(|(_, of)| deepest(of, random)).collect()),
        _ => {
            match of.cases().into_iter().enumerate().filter_map(|(place, (_, of))| Some((place, of?))).last()
            {
                Some((place, of)) => Value::Case(place, Some(Box::new(deepest(&of, random)))),
                None => value(of, random, &mut 1),
            }
        }
    }
}

/// A value of which one text has a character that XML bars, if there is a text.
fn barred(of: &Of, random: &mut Random, room: &mut usize) -> Value {
    for _ in 0..20 {
        let found = value(of, random, &mut room.clone());
        if found.any_character(&|character| !is_xml(character)) {
            return found;
        }
    }
    value(of, random, room)
}

/// The smallest and the largest.
pub(super) fn range(bits: u32, is_signed: bool) -> (i128, i128) {
    if is_signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

fn integer(bits: u32, is_signed: bool, random: &mut Random) -> i128 {
    let (min, max) = range(bits, is_signed);
    let edges = [
        0,
        1,
        -1,
        10,
        100,
        min,
        min + 1,
        max,
        max - 1,
        1 << 31,
        (1 << 31) - 1,
        (1 << 53) + 1,
        -(1 << 53) - 1,
    ];
    match random.below(3) {
        0 => min + i128::from(random.next()) % (max - min + 1),
        1 => (min + i128::from(random.next() >> random.below(64))).min(max),
        _ => edges[random.below(edges.len())].clamp(min, max),
    }
}

fn float32(random: &mut Random) -> f32 {
    let edges = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        16_777_216.0,
        f32::MAX,
        f32::MIN,
        f32::MIN_POSITIVE,
        f32::from_bits(1),
        -f32::from_bits(1),
        f32::from_bits(0x007f_ffff),
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::EPSILON,
        1e16,
        1e-5,
        1e-7,
    ];
    match random.below(3) {
        0 => f32::from_bits(u32::try_from(random.next() >> 32).expect("32 bits")),
        _ => edges[random.below(edges.len())],
    }
}

fn float64(random: &mut Random) -> f64 {
    let edges = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        0.1,
        0.3,
        9_007_199_254_740_993.0,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        -f64::from_bits(1),
        f64::from_bits(0x000f_ffff_ffff_ffff),
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::EPSILON,
        1e15,
        1e16,
        1e17,
        1e-5,
        1e-7,
        123_456.789,
        2.225_073_858_507_201e-308,
    ];
    match random.below(4) {
        0 => f64::from_bits(random.next()),
        1 => f64::from(u32::try_from(random.next() >> 32).expect("32 bits")) / 1000.0,
        _ => edges[random.below(edges.len())],
    }
}

fn character(random: &mut Random) -> char {
    const EDGES: [char; 30] = [
        'a',
        ' ',
        '\t',
        '\n',
        '\r',
        '"',
        '\\',
        '/',
        '<',
        '>',
        '&',
        '\'',
        '%',
        '+',
        '=',
        '#',
        '\u{7f}',
        '\u{80}',
        '\u{85}',
        '\u{a0}',
        'é',
        '\u{301}',
        '\u{2028}',
        '中',
        '\u{d7ff}',
        '\u{e000}',
        '\u{fffd}',
        '😀',
        '\u{10000}',
        '\u{10ffff}',
    ];
    // XML has no way to write these.
    const BARRED: [char; 6] = ['\0', '\u{1}', '\u{1b}', '\u{1f}', '\u{fffe}', '\u{ffff}'];
    match random.below(20) {
        0 => BARRED[random.below(BARRED.len())],
        1..5 => loop {
            let number = u32::try_from(random.below(0x11_0000)).expect("a small number");
            if let Some(character) = char::from_u32(number).filter(|character| is_xml(*character)) {
                break character;
            }
        },
        5..12 => EDGES[random.below(EDGES.len())],
        _ => char::from(b' ' + u8::try_from(random.below(95)).expect("ASCII")),
    }
}

/// XML 1.0, production 2.
pub(super) fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn text(random: &mut Random) -> String {
    const EDGES: [&str; 24] = [
        "",
        "",
        " ",
        "  two  spaces  ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "null",
        "true",
        "0",
        "-1.5e3",
        "{}",
        "[]",
        "\"",
        "\\",
        "]]>",
        "<a>&amp;</a>",
        "<!-- -->",
        "a+b&c=d?e#f%20%",
        "NaN",
        "$base64",
        "\u{feff}",
        "ok",
    ];
    match random.below(30) {
        0 => "x😀é".repeat(1 + random.below(400)),
        1..12 => EDGES[random.below(EDGES.len())].to_owned(),
        _ => {
            // Most texts have no character that XML bars, or few values of many texts would pass through XML.
            let is_barred = random.below(12) == 0;
            let length = random.below(9);
            (0..length)
                .map(|_| character(random))
                .filter(|character| is_barred || is_xml(*character))
                .collect()
        }
    }
}

/// The value of the raw type with the same bytes.
pub(super) fn raw(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Bytes(text.clone().into_bytes()),
        Value::Char(character) => Value::Integer(u32::from(*character).into()),
        Value::Float32(float) => Value::Integer(float.to_bits().into()),
        Value::Float64(float) => Value::Integer(float.to_bits().into()),
        Value::List(parts) => Value::List(parts.iter().map(raw).collect()),
        Value::Parts(parts) => Value::Parts(parts.iter().map(raw).collect()),
        Value::Option(inner) => Value::Option(inner.as_ref().map(|inner| Box::new(raw(inner)))),
        Value::Case(place, inner) => Value::Case(*place, inner.as_ref().map(|inner| Box::new(raw(inner)))),
        other => other.clone(),
    }
}

/// Values of the same type that are a little smaller, the smallest first.
pub(super) fn smaller(of: &Of, value: &Value) -> Vec<Value> {
    let inside = |of: &Of, inner: &Value| smaller(of, inner);
    match (&**of, value) {
        (Type::Integer(..), Value::Integer(number)) if *number != 0 => {
            vec![Value::Integer(0), Value::Integer(number / 2)]
        }
        (Type::Float32, Value::Float32(number)) if number.to_bits() != 0 => vec![Value::Float32(0.0)],
        (Type::Float64, Value::Float64(number)) if number.to_bits() != 0 => vec![Value::Float64(0.0)],
        (Type::Char, Value::Char(character)) if *character != 'a' => vec![Value::Char('a')],
        (Type::Text, Value::Text(text)) if !text.is_empty() => {
            let characters: Vec<char> = text.chars().collect();
            let (first, second) = characters.split_at(characters.len() / 2);
            let mut found: Vec<Value> =
                [&[], first, second].into_iter().map(|part| Value::Text(part.iter().collect())).collect();
            found.retain(|other| other != value);
            found
        }
        (Type::Bytes, Value::Bytes(bytes)) if !bytes.is_empty() => vec![Value::Bytes(Vec::new())],
        (Type::List(item), Value::List(parts)) if !parts.is_empty() => {
            let mut found = vec![Value::List(Vec::new())];
            for place in 0..parts.len() {
                let mut fewer = parts.clone();
                fewer.remove(place);
                found.push(Value::List(fewer));
            }
            found.extend(each(parts, |_| Rc::clone(item)).into_iter().map(Value::List));
            found
        }
        (Type::Option(inner), Value::Option(Some(part))) => {
            let mut found = vec![Value::Option(None)];
            found.extend(inside(inner, part).into_iter().map(|part| Value::Option(Some(Box::new(part)))));
            found
        }
        (Type::Tuple(items), Value::Parts(parts)) => {
            each(parts, |place| Rc::clone(&items[place])).into_iter().map(Value::Parts).collect()
        }
        (Type::Record(_, fields), Value::Parts(parts)) => {
            each(parts, |place| Rc::clone(&fields[place].1)).into_iter().map(Value::Parts).collect()
        }
        (_, Value::Case(place, Some(part))) => {
            let of = of.cases()[*place].1.clone().expect("a case that carries something");
            inside(&of, part).into_iter().map(|part| Value::Case(*place, Some(Box::new(part)))).collect()
        }
        (_, Value::Flags(set)) if set.contains(&true) => vec![Value::Flags(vec![false; set.len()])],
        _ => Vec::new(),
    }
}

/// A row of values with one of them smaller.
pub(super) fn each(parts: &[Value], of: impl Fn(usize) -> Of) -> Vec<Vec<Value>> {
    let mut found = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        for less in smaller(&of(place), part) {
            let mut changed = parts.to_vec();
            changed[place] = less;
            found.push(changed);
        }
    }
    found
}
