//! Arguments in a URL, from the column "in a URL" of `wit/MAPPING.md`.

use super::tree::{Column, Encoder, Mistake, base64, write};
use super::types::{Function, Of, Type};
use super::values::{Value, range};
use crate::support::random::Random;

/// The parameter that stands in the path of a route, where the function has one that may.
pub(super) fn in_path(function: &Function) -> Option<usize> {
    let fits = |of: &Type| {
        matches!(of, Type::Bool | Type::Integer(..) | Type::Float32 | Type::Float64 | Type::Enum(..))
    };
    function.parameters.iter().position(|(_, of)| fits(of)).filter(|place| place % 2 == 0)
}

/// The path and the query of a `GET`, below the mount. `path` is the route's parameter that stands in the path.
pub(super) fn target(
    function: &Function,
    arguments: &[Value],
    path: Option<usize>,
    loose: &mut Option<&mut Random>,
    mut mistake: Option<(&mut Mistake, &mut Random)>,
) -> String {
    let mut target = format!("/{}", function.path);
    let mut query = Vec::new();
    for (place, ((name, of), value)) in function.parameters.iter().zip(arguments).enumerate() {
        let at = format!("/{}", name.mapped);
        let mut texts = texts(of, value, loose);
        if let Some((mistake, random)) = &mut mistake
            && mistake.made.is_none()
        {
            if mistake.after == 0 {
                spoil(&mut texts, of, value, &at, path == Some(place), (mistake, random));
            } else {
                mistake.after -= 1;
            }
        }
        if path == Some(place) {
            let encoded: Vec<String> = texts.iter().map(|text| percent(text, &mut None)).collect();
            target.push_str(&format!("/{}", encoded.concat()));
        } else {
            query.extend(texts.iter().map(|text| format!("{}={}", name.mapped, percent(text, loose))));
        }
    }
    if let Some((mistake, _)) = &mut mistake
        && mistake.made.is_none()
    {
        mistake.made = Some(("/no~1name".to_owned(), "an unknown parameter"));
        query.push("no%2Fname=1".to_owned());
    }
    if let Some(random) = loose {
        // Of one name, the order counts.
        let by_name: Vec<&str> = query.iter().map(|pair| pair.split_once('=').expect("a pair").0).collect();
        if by_name.windows(2).all(|pair| pair[0] != pair[1]) && !query.is_empty() {
            let place = random.below(query.len());
            query.rotate_left(place);
        }
    }
    if query.is_empty() { target } else { format!("{target}?{}", query.join("&")) }
}

/// Whether a type is written as several parameters of one name.
fn is_repeated(of: &Type) -> bool {
    match of {
        Type::List(item) => item.is_scalar(),
        Type::Flags(..) => true,
        _ => false,
    }
}

/// What stands behind the parameter's name, each time that it is there.
fn texts(of: &Of, value: &Value, loose: &mut Option<&mut Random>) -> Vec<String> {
    match (&**of, value) {
        (Type::Option(_), Value::Option(None)) => Vec::new(),
        (Type::Option(inner), Value::Option(Some(part))) if inner.is_scalar() => {
            vec![scalar(inner, part, loose)]
        }
        (Type::List(item), Value::List(parts)) if item.is_scalar() => {
            parts.iter().map(|part| scalar(item, part, loose)).collect()
        }
        (Type::Flags(_, names), Value::Flags(set)) => names
            .iter()
            .zip(set)
            .filter(|(_, is_set)| **is_set)
            .map(|(name, _)| name.mapped.clone())
            .collect(),
        _ if of.is_scalar() => vec![scalar(of, value, loose)],
        _ => {
            let mut encoder = Encoder {
                column: Column::Json,
                loose: loose.as_mut().map(|random| &mut **random),
                mistake: None,
            };
            let tree = encoder.value(of, value, "", of.is_option());
            vec![write(&tree, loose)]
        }
    }
}

fn scalar(of: &Of, value: &Value, loose: &mut Option<&mut Random>) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Char(character) => character.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => {
            let text = base64(bytes);
            // The alphabet of RFC 4648, section 5, without padding.
            if loose.as_mut().is_some_and(|random| random.below(2) == 0) {
                text.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
            } else {
                text
            }
        }
        Value::Case(place, _) => of.cases()[*place].0.clone(),
        _ => {
            let tree = Encoder::canonical(Column::Json).value(of, value, "", false);
            write(&tree, &mut None).trim_matches('"').to_owned()
        }
    }
}

/// Makes one mistake in the texts of a parameter, if there is one to be made.
fn spoil(
    texts: &mut Vec<String>,
    of: &Of,
    value: &Value,
    at: &str,
    is_in_path: bool,
    (mistake, random): (&mut Mistake, &mut Random),
) {
    let scalar_of = match &**of {
        Type::Option(inner) | Type::List(inner) if inner.is_scalar() => inner,
        _ => of,
    };
    let others: Vec<String> = match &**scalar_of {
        Type::Bool => ["1", "TRUE", ""].map(str::to_owned).to_vec(),
        Type::Integer(bits, is_signed) => {
            let (min, max) = range(*bits, *is_signed);
            let others = ["1.0", "+7", "07", "-0", "1e2", " 7"].map(str::to_owned);
            [&others[..], &[(min - 1).to_string(), (max + 1).to_string()]].concat()
        }
        Type::Float32 | Type::Float64 => {
            ["inf", "+1", "1.", ".5", "01", "1e999", "nan"].map(str::to_owned).to_vec()
        }
        Type::Char => ["", "ab"].map(str::to_owned).to_vec(),
        Type::Bytes => ["*", "A", "AB==", "AA==\n"].map(str::to_owned).to_vec(),
        Type::Enum(..) => ["noCase", ""].map(str::to_owned).to_vec(),
        Type::Flags(..) => vec!["noFlag".to_owned()],
        _ => Vec::new(),
    };
    // In a path, an empty segment is another path.
    let others: Vec<String> = others.into_iter().filter(|text| !is_in_path || !text.is_empty()).collect();
    if is_repeated(of) {
        if let (Type::Flags(..), Some(first), true) = (&**of, texts.first(), random.below(2) == 0) {
            mistake.made = Some((format!("{at}/{}", texts.len()), "a flag twice"));
            texts.push(first.clone());
            return;
        }
        if !others.is_empty() {
            mistake.made = Some((format!("{at}/{}", texts.len()), "an element that is none of the type"));
            texts.push(others[random.below(others.len())].clone());
        }
        return;
    }
    if random.below(4) == 0 && !is_in_path && !texts.is_empty() {
        mistake.made = Some((at.to_owned(), "a parameter twice"));
        texts.push(texts[0].clone());
        return;
    }
    if random.below(4) == 0 && !is_in_path && !of.is_option() {
        mistake.made = Some((at.to_owned(), "a missing parameter"));
        texts.clear();
        return;
    }
    if !others.is_empty() {
        mistake.made = Some((at.to_owned(), "text that is none of the type"));
        *texts = vec![others[random.below(others.len())].clone()];
    } else if !scalar_of.is_scalar() {
        if random.below(8) == 0 {
            mistake.made = Some((at.to_owned(), "no JSON"));
            *texts = vec!["{".to_owned()];
            return;
        }
        let which = random.below(1_000_000);
        let mut encoded = |inner: &mut Mistake| {
            let mut encoder =
                Encoder { column: Column::Json, loose: None, mistake: Some((inner, &mut *random)) };
            encoder.value(of, value, at, of.is_option())
        };
        let mut inner = Mistake::counting();
        encoded(&mut inner);
        let mut inner = Mistake::new(which % inner.counted());
        let tree = encoded(&mut inner);
        if inner.made.is_some() {
            mistake.made = inner.made;
            *texts = vec![write(&tree, &mut None)];
        }
    }
}

/// Percent-encoded; in a query a space may be a plus.
fn percent(text: &str, loose: &mut Option<&mut Random>) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_loose = loose.as_mut().is_some_and(|random| random.below(3) == 0);
        if byte == b' ' && is_loose {
            out.push('+');
        } else if is_plain && !(is_loose && byte == b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
