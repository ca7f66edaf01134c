//! XML, as far as an independent reader of the host's answers needs it.
//!
//! Owns elements with their namespaces, as a small reader makes them of well-formed documents, and XML-RPC's values in them. Text
//! keeps its white space; line ends are read as XML 1.0, section 2.11, has them, so that a carriage return must come as a reference.

use super::tree::Tree;
use crate::support::random::Random;

/// An element.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Whether it says `xsi:nil="true"`.
    pub(super) is_nil: bool,
    /// Its text, in which children do not count.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// The namespace of `nil`.
pub(super) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

impl Element {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            is_nil: false,
            text: String::new(),
            children: Vec::new(),
        }
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element below along these names.
    pub(super) fn below(&self, names: &[&str]) -> Result<&Self, String> {
        let mut element = self;
        for name in names {
            element = element.child(name).ok_or_else(|| format!("`{}` has no `{name}`", element.name))?;
        }
        Ok(element)
    }

    /// Its only child.
    fn only(&self) -> Result<&Self, String> {
        match &self.children[..] {
            [only] => Ok(only),
            several => Err(format!("`{}` has {} children and not one", self.name, several.len())),
        }
    }
}

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Element, String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = match text.strip_prefix("<?xml ") {
        Some(rest) => rest.split_once("?>").ok_or("the declaration does not end")?.1,
        None => &text,
    }
    .trim_start();
    let xml = ("xml".to_owned(), "http://www.w3.org/XML/1998/namespace".to_owned());
    let root = read_element(&mut rest, &[xml])?;
    if rest.trim().is_empty() { Ok(root) } else { Err(format!("something follows the root: {rest}")) }
}

/// `scope` holds prefixes and what they stand for, the innermost last.
fn read_element(rest: &mut &str, scope: &[(String, String)]) -> Result<Element, String> {
    let inside = rest.strip_prefix('<').ok_or_else(|| format!("no element at {rest:.40}"))?;
    let (tag, mut after) = inside.split_once('>').ok_or("a tag does not end")?;
    let (tag, is_empty) = match tag.strip_suffix('/') {
        Some(tag) => (tag, true),
        None => (tag, false),
    };
    let (name, mut attributes) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut scope = scope.to_vec();
    let mut plain = Vec::new();
    while !attributes.trim().is_empty() {
        let (name, value) = attributes.split_once("=\"").ok_or("an attribute has no value")?;
        let (value, further) = value.split_once('"').ok_or("an attribute does not end")?;
        match (name.trim(), name.trim().strip_prefix("xmlns:")) {
            (_, Some(prefix)) => scope.push((prefix.to_owned(), unescaped(value)?)),
            ("xmlns", None) => scope.push((String::new(), unescaped(value)?)),
            (name, None) => plain.push((name.to_owned(), unescaped(value)?)),
        }
        attributes = further;
    }
    let resolve = |name: &str| {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let known = scope.iter().rev().find(|(known, _)| known == prefix);
        match known {
            Some((_, namespace)) => Ok((namespace.clone(), local.to_owned())),
            None if prefix.is_empty() => Ok((String::new(), local.to_owned())),
            None => Err(format!("the prefix of `{name}` stands for nothing")),
        }
    };
    let (namespace, local) = resolve(name)?;
    let mut element = Element::new(&namespace, &local);
    for (name, value) in plain {
        if name.contains(':') && resolve(&name)? == (INSTANCE.to_owned(), "nil".to_owned()) {
            element.is_nil = value == "true";
        }
    }
    let mut is_open = !is_empty;
    while is_open {
        let at = after.find('<').ok_or("an element does not end")?;
        let (text, markup) = after.split_at(at);
        element.text.push_str(&unescaped(text)?);
        after = markup;
        if let Some(end) = markup.strip_prefix("</") {
            let end = end.strip_prefix(name).and_then(|end| end.strip_prefix('>'));
            after = end.ok_or("tags do not match")?;
            is_open = false;
        } else {
            element.children.push(read_element(&mut after, &scope)?);
        }
    }
    if element.is_nil && !(element.text.is_empty() && element.children.is_empty()) {
        return Err(format!("`{name}` is nil and not empty"));
    }
    *rest = after;
    Ok(element)
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once('&') {
        out.push_str(before);
        let (name, after) = reference.split_once(';').ok_or("a reference does not end")?;
        out.push(match name {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            number => {
                let number = number.strip_prefix('#').ok_or_else(|| format!("the entity `{number}`"))?;
                let number = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                let character = number.ok().and_then(char::from_u32).filter(|c| super::values::is_xml(*c));
                character.ok_or("a reference to what is no character of XML")?
            }
        });
        rest = after;
    }
    out.push_str(rest);
    match out.chars().find(|character| !super::values::is_xml(*character)) {
        Some(character) => Err(format!("{character:?} is no character of XML")),
        None => Ok(out),
    }
}

/// Text as character data: with references, or as sections of CDATA where that is asked for.
pub(super) fn escaped(text: &str, loose: &mut Option<&mut Random>) -> String {
    let is_plain = !text.contains(['\r']) && !text.contains("]]>") && text.chars().all(super::values::is_xml);
    if is_plain && loose.as_mut().is_some_and(|random| random.below(8) == 0) {
        return format!("<![CDATA[{text}]]>");
    }
    let mut out = String::new();
    for character in text.chars() {
        let is_escaped = loose.as_mut().is_some_and(|random| random.below(12) == 0);
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            character if is_escaped || character == '\r' || !super::values::is_xml(character) => {
                out.push_str(&format!("&#x{:X};", u32::from(character)));
            }
            character => out.push(character),
        }
    }
    out
}

/// A value of XML-RPC, with its `value` element.
pub(super) fn write_rpc(tree: &Tree, loose: &mut Option<&mut Random>) -> String {
    let is_loose = loose.as_mut().is_some_and(|random| random.below(4) == 0);
    let typed = match tree {
        Tree::Null => "<nil/>".to_owned(),
        Tree::Bool(value) => format!("<boolean>{}</boolean>", u8::from(*value)),
        Tree::Number(text) if text.contains('.') => format!("<double>{text}</double>"),
        Tree::Number(text) => {
            let is_int = text.parse::<i32>().is_ok();
            let name = if is_int { if is_loose { "i4" } else { "int" } } else { "i8" };
            format!("<{name}>{text}</{name}>")
        }
        // Without a type, a text is a string.
        Tree::Text(text) if is_loose => escaped(text, loose),
        Tree::Text(text) => format!("<string>{}</string>", escaped(text, loose)),
        Tree::Bytes(text) if is_loose => {
            let (first, second) = text.split_at(text.len() / 8 * 4);
            format!("<base64>\n{first}\n{second} </base64>")
        }
        Tree::Bytes(text) => format!("<base64>{text}</base64>"),
        Tree::Array(parts) => {
            let parts: String = parts.iter().map(|part| write_rpc(part, loose)).collect();
            format!("<array><data>{parts}</data></array>")
        }
        Tree::Object(members) => {
            let members: String = members
                .iter()
                .map(|(name, part)| {
                    format!(
                        "<member><name>{}</name>{}</member>",
                        escaped(name, &mut None),
                        write_rpc(part, loose)
                    )
                })
                .collect();
            format!("<struct>{members}</struct>")
        }
    };
    format!("<value>{typed}</value>")
}

/// The tree of a `value` element in the host's spelling.
pub(super) fn read_rpc(value: &Element) -> Result<Tree, String> {
    let typed = value.only()?;
    let text = &typed.text;
    let ill = || format!("an ill {}: {text}", typed.name);
    Ok(match typed.name.as_str() {
        "nil" => Tree::Null,
        "boolean" => Tree::Bool(match text.as_str() {
            "1" => true,
            "0" => false,
            _ => return Err(ill()),
        }),
        "int" => Tree::Number(text.parse::<i32>().map_err(|_| ill())?.to_string()),
        "i8" => {
            let number: i64 = text.parse().map_err(|_| ill())?;
            if i32::try_from(number).is_ok() {
                return Err(format!("an i8 that is an int: {number}"));
            }
            Tree::Number(number.to_string())
        }
        // The specification allows no exponent.
        "double" if text.contains('.') && !text.contains(['e', 'E', '+']) => Tree::Number(text.clone()),
        "string" => Tree::Text(text.clone()),
        "base64" => Tree::Bytes(text.clone()),
        "array" => {
            let data = typed.only()?;
            Tree::Array(data.children.iter().map(read_rpc).collect::<Result<_, _>>()?)
        }
        "struct" => {
            let mut members: Vec<(String, Tree)> = Vec::new();
            for member in &typed.children {
                let name = member.below(&["name"])?.text.clone();
                if members.iter().any(|(known, _)| *known == name) {
                    return Err(format!("the member `{name}` twice"));
                }
                members.push((name, read_rpc(member.below(&["value"])?)?));
            }
            Tree::Object(members)
        }
        _ => return Err(ill()),
    })
}
