//! Values as XML of SOAP, from the column XML of `wit/MAPPING.md`.

use super::tree::{Mistake, base64, unbase64};
use super::types::{Of, Type};
use super::values::{Value, range};
use super::xml::{Element, escaped};
use crate::support::random::Random;

/// From values to elements in one namespace.
pub(super) struct Encoder<'r> {
    pub(super) namespace: &'r str,
    /// Chooses among spellings that mean the same; without it there is the one that the host writes.
    pub(super) loose: Option<&'r mut Random>,
    pub(super) mistake: Option<(&'r mut Mistake, &'r mut Random)>,
}

impl Encoder<'_> {
    fn is_loose(&mut self, one_in: usize) -> bool {
        self.loose.as_mut().is_some_and(|random| random.below(one_in) == 0)
    }

    /// The elements of fields or parameters: those of empty options are left out.
    pub(super) fn members<'v>(
        &mut self,
        members: impl Iterator<Item = ((String, &'v Of), &'v Value)>,
        // Whether the pointer counts the members, as it does for a tuple.
        is_counted: bool,
        at: &str,
    ) -> Vec<Element> {
        let mut found = Vec::new();
        for (place, ((name, of), part)) in members.enumerate() {
            if *part == Value::Option(None) && !self.is_loose(3) {
                continue;
            }
            let at = if is_counted { format!("{at}/{place}") } else { format!("{at}/{name}") };
            found.push(self.element(&name, of, part, &at, of.is_option()));
        }
        if let Some(random) = &mut self.loose {
            for place in 1..found.len() {
                found.swap(place, random.below(place + 1));
            }
        }
        found
    }

    /// An element that is there, be it nil.
    pub(super) fn element(
        &mut self,
        name: &str,
        of: &Of,
        value: &Value,
        at: &str,
        may_be_nil: bool,
    ) -> Element {
        let mut element = Element::new(self.namespace, name);
        if let Some((mistake, _)) = &mut self.mistake
            && mistake.made.is_none()
        {
            if mistake.after == 0 {
                let mut right = Encoder { namespace: self.namespace, loose: None, mistake: None };
                right.fill(&mut element, of, value, at);
                self.spoil(&mut element, of, value, at, may_be_nil);
                return element;
            }
            mistake.after -= 1;
        }
        self.fill(&mut element, of, value, at);
        element
    }

    fn fill(&mut self, element: &mut Element, of: &Of, value: &Value, at: &str) {
        match (&**of, value) {
            (Type::Option(_), Value::Option(None)) => element.is_nil = true,
            (Type::Option(inner), Value::Option(Some(part))) if inner.is_option() => {
                // Nothing inside is an empty one in one that is there.
                if **part != Value::Option(None) {
                    let some = self.element("some", inner, part, &format!("{at}/some"), true);
                    element.children.push(some);
                }
            }
            (Type::Option(inner), Value::Option(Some(part))) => self.fill(element, inner, part, at),
            (Type::List(item), Value::List(parts)) => {
                element.children = parts
                    .iter()
                    .enumerate()
                    .map(|(place, part)| {
                        self.element("item", item, part, &format!("{at}/{place}"), item.is_option())
                    })
                    .collect();
            }
            (Type::Tuple(items), Value::Parts(parts)) => {
                let items = items.iter().enumerate().map(|(place, of)| (format!("item{}", place + 1), of));
                element.children = self.members(items.zip(parts), true, at);
            }
            (Type::Record(_, fields), Value::Parts(parts)) => {
                let fields = fields.iter().map(|(name, of)| (name.mapped.clone(), of));
                element.children = self.members(fields.zip(parts), false, at);
            }
            (Type::Flags(_, names), Value::Flags(set)) => {
                for (name, _) in names.iter().zip(set).filter(|(_, is_set)| **is_set) {
                    let mut item = Element::new(self.namespace, "item");
                    item.text.clone_from(&name.mapped);
                    element.children.push(item);
                }
            }
            (Type::Enum(..), Value::Case(place, _)) => element.text.clone_from(&of.cases()[*place].0),
            (_, Value::Case(place, part)) => {
                let (name, payload) = &of.cases()[*place];
                element.children.push(match (payload, part) {
                    (Some(of), Some(part)) => {
                        self.element(name, of, part, &format!("{at}/{name}"), of.is_option())
                    }
                    // A boolean of the fixed value true, which may be left out of it.
                    _ => {
                        let mut element = Element::new(self.namespace, name);
                        let spellings = ["", "1", " true\n", "true"];
                        let chosen = self.loose.as_mut().map_or(3, |random| random.below(4));
                        element.text = spellings[chosen].to_owned();
                        element
                    }
                });
            }
            (_, value) => element.text = self.scalar(value),
        }
    }

    fn scalar(&mut self, value: &Value) -> String {
        let special = |number: f64, plain: String| {
            if number.is_nan() {
                "NaN".to_owned()
            } else if number.is_infinite() {
                if number > 0.0 { "INF" } else { "-INF" }.to_owned()
            } else {
                plain
            }
        };
        let text = match value {
            Value::Bool(value) if self.is_loose(2) => u8::from(*value).to_string(),
            Value::Bool(value) => value.to_string(),
            // XML Schema, part 2, section 3.3.13.
            Value::Integer(number) if self.is_loose(3) => match number {
                ..0 => format!("-00{}", number.unsigned_abs()),
                _ => format!("+0{number}"),
            },
            Value::Integer(number) => number.to_string(),
            Value::Float32(number) => special(f64::from(*number), format!("{number:?}")),
            Value::Float64(number) => special(*number, format!("{number:?}")),
            Value::Bytes(bytes) => base64(bytes),
            // White space counts in these.
            Value::Char(character) => return character.to_string(),
            Value::Text(text) => return text.clone(),
            other => panic!("no scalar: {other:?}"),
        };
        if self.is_loose(4) { format!(" \n{text}\t") } else { text }
    }

    /// Makes one mistake in an element that is right, if there is one to be made.
    fn spoil(&mut self, element: &mut Element, of: &Of, value: &Value, at: &str, may_be_nil: bool) {
        let mut choices: Vec<(Element, String, &'static str)> = Vec::new();
        let with_text =
            |text: &str| Element { text: text.to_owned(), children: Vec::new(), ..element.clone() };
        let with = |children: Vec<Element>| Element { children, text: String::new(), ..element.clone() };
        let stranger = Element::new(self.namespace, "stranger");
        let mut add = |element: Element, what: &'static str| choices.push((element, at.to_owned(), what));
        if !may_be_nil && !of.is_option() {
            add(Element { is_nil: true, ..with(Vec::new()) }, "nil where something must be");
        }
        match (&**of, value) {
            (Type::Option(_), Value::Option(None)) => {}
            (Type::Option(inner), Value::Option(Some(_))) if inner.is_option() => {
                add(with(vec![stranger]), "another element in an option in an option");
            }
            (Type::Option(inner), Value::Option(Some(part))) => {
                return self.spoil(element, inner, part, at, true);
            }
            (Type::List(_), _) => {
                choices.push((with(vec![stranger]), format!("{at}/stranger"), "another element in a list"));
            }
            (Type::Tuple(items), _) => {
                let mut more = element.children.clone();
                more.push(Element::new(self.namespace, &format!("item{}", items.len() + 1)));
                add(with(more), "one item too many");
                for (place, of) in items.iter().enumerate().filter(|(_, of)| !of.is_option()) {
                    let mut fewer = element.children.clone();
                    fewer.retain(|child| child.name != format!("item{}", place + 1));
                    let _ = of;
                    choices.push((with(fewer), format!("{at}/{place}"), "a missing item"));
                }
            }
            (Type::Record(_, fields), _) => {
                let more = [&element.children[..], &[stranger]].concat();
                choices.push((with(more), format!("{at}/stranger"), "an unknown element"));
                for (name, _) in fields.iter().filter(|(_, of)| !of.is_option()) {
                    let place = format!("{at}/{}", name.mapped);
                    let mut fewer = element.children.clone();
                    fewer.retain(|child| child.name != name.mapped);
                    choices.push((with(fewer), place.clone(), "a missing element"));
                    let foreign = element.children.iter().map(|child| match child.name == name.mapped {
                        true => Element { namespace: "urn:other".to_owned(), ..child.clone() },
                        false => child.clone(),
                    });
                    choices.push((with(foreign.collect()), place, "an element in another namespace"));
                }
                if let Some(last) = element.children.last() {
                    let twice = [&element.children[..], std::slice::from_ref(last)].concat();
                    choices.push((with(twice), format!("{at}/{}", last.name), "an element twice"));
                }
                if element.children.is_empty() {
                    choices.push((with_text("text"), at.to_owned(), "text among elements"));
                }
            }
            (Type::Flags(..), _) => {
                let count = element.children.len();
                let mut item = Element::new(self.namespace, "item");
                item.text = "noFlag".to_owned();
                let more = [&element.children[..], &[item]].concat();
                choices.push((with(more), format!("{at}/{count}"), "an unknown flag"));
                if let Some(first) = element.children.first() {
                    let twice = [&element.children[..], std::slice::from_ref(first)].concat();
                    choices.push((with(twice), format!("{at}/{count}"), "a flag twice"));
                }
            }
            (Type::Enum(..), _) => {
                add(with_text("noCase"), "an unknown case");
                add(with(vec![stranger]), "an element in an enum");
            }
            (_, Value::Case(_, part)) => {
                add(with(vec![stranger.clone()]), "an unknown case");
                add(with(Vec::new()), "no case");
                add(with([&element.children[..], std::slice::from_ref(&stranger)].concat()), "two cases");
                if let (None, [case]) = (part, &element.children[..]) {
                    let place = format!("{at}/{}", case.name);
                    let denied = Element { text: "false".to_owned(), ..case.clone() };
                    choices.push((with(vec![denied]), place.clone(), "a case that is false"));
                    let around = Element { text: String::new(), children: vec![stranger], ..case.clone() };
                    choices.push((with(vec![around]), place, "an element in a case without payload"));
                }
            }
            _ => {
                let others: Vec<String> = match &**of {
                    Type::Bool => vec!["yes".to_owned(), String::new(), "TRUE".to_owned()],
                    Type::Integer(bits, is_signed) => {
                        let (min, max) = range(*bits, *is_signed);
                        let others = ["", "1.5", "1e2", "x", "+-1", "1 2"].map(str::to_owned);
                        [&others[..], &[(min - 1).to_string(), (max + 1).to_string()]].concat()
                    }
                    Type::Float32 | Type::Float64 => {
                        ["", "inf", "Infinity", "1e999", "0x1", "1_0"].map(str::to_owned).to_vec()
                    }
                    Type::Char => ["", "ab"].map(str::to_owned).to_vec(),
                    Type::Bytes => ["*", "A", "AB==", "-_-_"].map(str::to_owned).to_vec(),
                    _ => Vec::new(),
                };
                others.iter().for_each(|text| add(with_text(text), "text that is none of the type"));
                add(with(vec![stranger]), "an element in a scalar");
            }
        }
        let Some((mistake, random)) = &mut self.mistake else { return };
        if !choices.is_empty() {
            let (wrong, place, what) = choices.swap_remove(random.below(choices.len()));
            *element = wrong;
            mistake.made = Some((place, what));
        }
    }
}

/// A value back from an element in the host's spelling.
pub(super) fn decode(of: &Of, element: &Element) -> Result<Value, String> {
    let wrong = || format!("{element:?} is no {}", of.wit());
    let text = element.text.as_str();
    let child = |name: &str, of: &Of| match element.child(name) {
        Some(child) => decode(of, child),
        None if of.is_option() => Ok(Value::Option(None)),
        None => Err(wrong()),
    };
    if element.is_nil {
        return if of.is_option() { Ok(Value::Option(None)) } else { Err(wrong()) };
    }
    let float = |text: &str| match text {
        "INF" => Some("inf".to_owned()),
        "-INF" => Some("-inf".to_owned()),
        text => Some(text.to_owned()),
    };
    Ok(match &**of {
        Type::Bool => Value::Bool(text.parse().map_err(|_| wrong())?),
        Type::Integer(..) => Value::Integer(text.parse().map_err(|_| wrong())?),
        Type::Float32 => Value::Float32(float(text).and_then(|text| text.parse().ok()).ok_or_else(wrong)?),
        Type::Float64 => Value::Float64(float(text).and_then(|text| text.parse().ok()).ok_or_else(wrong)?),
        Type::Char => Value::Char(text.parse().map_err(|_| wrong())?),
        Type::Text => Value::Text(text.to_owned()),
        Type::Bytes => Value::Bytes(unbase64(text).ok_or_else(wrong)?),
        Type::List(item) => {
            Value::List(element.children.iter().map(|child| decode(item, child)).collect::<Result<_, _>>()?)
        }
        Type::Option(inner) if inner.is_option() => {
            Value::Option(Some(Box::new(match &element.children[..] {
                [] => Value::Option(None),
                [some] if some.name == "some" => decode(inner, some)?,
                _ => return Err(wrong()),
            })))
        }
        Type::Option(inner) => Value::Option(Some(Box::new(decode(inner, element)?))),
        Type::Tuple(items) => Value::Parts(
            items
                .iter()
                .enumerate()
                .map(|(place, of)| child(&format!("item{}", place + 1), of))
                .collect::<Result<_, _>>()?,
        ),
        Type::Record(_, fields) => {
            Value::Parts(fields.iter().map(|(name, of)| child(&name.mapped, of)).collect::<Result<_, _>>()?)
        }
        Type::Flags(_, names) => Value::Flags(
            names.iter().map(|name| element.children.iter().any(|child| child.text == name.mapped)).collect(),
        ),
        Type::Enum(..) => {
            let place = of.cases().iter().position(|(name, _)| name == text);
            Value::Case(place.ok_or_else(wrong)?, None)
        }
        Type::Variant(..) | Type::Result(..) => {
            let [child] = &element.children[..] else { return Err(wrong()) };
            let cases = of.cases();
            let place = cases.iter().position(|(name, _)| *name == child.name).ok_or_else(wrong)?;
            if cases[place].1.is_none() && child.text != "true" {
                return Err(wrong());
            }
            let part = cases[place].1.as_ref().map(|of| decode(of, child)).transpose()?;
            Value::Case(place, part.map(Box::new))
        }
    })
}

/// The element as text.
pub(super) fn write(element: &Element, loose: &mut Option<&mut Random>) -> String {
    let Element { namespace, name, is_nil, text, children } = element;
    let nil = if *is_nil { " xsi:nil=\"true\"" } else { "" };
    let blank = match loose {
        Some(random) if !children.is_empty() => ["", "\n  ", "<!-- a -->"][random.below(3)],
        _ => "",
    };
    let children: String = children.iter().map(|child| format!("{blank}{}", write(child, loose))).collect();
    format!("<{name} xmlns=\"{namespace}\"{nil}>{}{children}{blank}</{name}>", escaped(text, loose))
}
