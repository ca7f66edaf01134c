//! Text to tree, in one pass that copies only what the tree keeps.
//!
//! The host has already read the whole message by the letter of XML, and hands over a part of it that means the same by itself. So
//! this reader checks what the tree depends on (tags that match, prefixes that are declared, references, one root, depth) and does
//! not look at every character of a name again. It is small on purpose: a general parser was half of what a call cost its plugin.

use super::{Attribute, DEPTH_MAX, Element, XmlError};

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element that has begun.
struct Open<'a> {
    /// Its name as written.
    name: &'a str,
    element: Element,
    /// How many declarations were in scope before it.
    scope: usize,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Prefixes and namespaces in scope, the latest last; the empty prefix for the default namespace.
    scope: Vec<(&'a str, String)>,
    open: Vec<Open<'a>>,
    root: Option<Element>,
}

pub(super) fn parse(text: &str) -> Result<Element, XmlError> {
    let mut reader = Reader { text, at: 0, scope: Vec::new(), open: Vec::new(), root: None };
    while reader.step()? {}
    match (reader.root, reader.open.is_empty()) {
        (Some(root), true) => Ok(root),
        _ => Err(malformed(text.len(), "the text ends inside an element, or has none")),
    }
}

fn malformed(at: usize, reason: impl Into<String>) -> XmlError {
    XmlError::Malformed { position: at as u64, reason: reason.into() }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error<T>(&self, reason: &str) -> Result<T, XmlError> {
        Err(malformed(self.at, reason))
    }

    /// Goes over what begins here and ends with `end`; gives what is between.
    fn over(&mut self, begin: usize, end: &str, reason: &str) -> Result<&'a str, XmlError> {
        self.at = self.at.saturating_add(begin);
        let Some(length) = self.rest().find(end) else { return self.error(reason) };
        let inside = self.rest().get(..length).unwrap_or_default();
        self.at = self.at.saturating_add(length).saturating_add(end.len());
        Ok(inside)
    }

    /// Reads one piece of markup or one run of text. False at the end.
    fn step(&mut self) -> Result<bool, XmlError> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(false);
        }
        if !rest.starts_with('<') {
            self.run()?;
        } else if rest.starts_with("</") {
            self.end_tag()?;
        } else if rest.starts_with("<!--") {
            self.over(4, "-->", "a comment without an end")?;
        } else if rest.starts_with("<![CDATA[") {
            let text = self.over(9, "]]>", "a CDATA section without an end")?;
            match self.open.last_mut() {
                Some(open) => push_lines(&mut open.element.text, text),
                None => return self.error("text outside of the element"),
            }
        } else if rest.starts_with("<?") {
            self.over(2, "?>", "a processing instruction without an end")?;
        } else if rest.starts_with("<!") {
            return self.error("a document type declaration");
        } else {
            self.start_tag()?;
        }
        Ok(true)
    }

    fn run(&mut self) -> Result<(), XmlError> {
        let length = self.rest().find('<').unwrap_or(self.rest().len());
        let text = self.rest().get(..length).unwrap_or_default();
        let Some(open) = self.open.last_mut() else {
            if text.bytes().all(is_space) {
                self.at = self.at.saturating_add(length);
                return Ok(());
            }
            return self.error("text outside of the element");
        };
        resolve(text, self.at, &mut open.element.text, push_lines)?;
        self.at = self.at.saturating_add(length);
        Ok(())
    }

    fn end_tag(&mut self) -> Result<(), XmlError> {
        let Some(open) = self.open.pop() else { return self.error("an end tag without its start") };
        let rest = self.rest().get(2..).unwrap_or_default();
        let after =
            rest.strip_prefix(open.name).map(|after| after.trim_start_matches([' ', '\t', '\n', '\r']));
        let Some(after) = after.and_then(|after| after.strip_prefix('>')) else {
            return self.error("an end tag that does not match its start tag");
        };
        self.at = self.text.len().saturating_sub(after.len());
        self.scope.truncate(open.scope);
        self.place(open.element)
    }

    fn place(&mut self, element: Element) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(element),
            None if self.root.is_none() => self.root = Some(element),
            None => return self.error("a second element beside the first"),
        }
        Ok(())
    }

    fn name(&mut self) -> Result<&'a str, XmlError> {
        let ends =
            |byte: u8| is_space(byte) || matches!(byte, b'=' | b'>' | b'/' | b'<' | b'"' | b'\'' | b'&');
        let rest = self.rest();
        let length = rest.bytes().position(ends).unwrap_or(rest.len());
        match rest.get(..length) {
            Some(name) if !name.is_empty() => {
                self.at = self.at.saturating_add(length);
                Ok(name)
            }
            _ => self.error("a name"),
        }
    }

    /// Goes over white space; whether there was any.
    fn space(&mut self) -> bool {
        let length = self.rest().bytes().take_while(|&byte| is_space(byte)).count();
        self.at = self.at.saturating_add(length);
        length > 0
    }

    fn start_tag(&mut self) -> Result<(), XmlError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(XmlError::TooDeep);
        }
        self.at = self.at.saturating_add(1);
        let name = self.name()?;
        let scope = self.scope.len();
        let mut attributes: Vec<(&'a str, Attribute)> = Vec::new();
        let empty = loop {
            let spaced = self.space();
            let rest = self.rest();
            if rest.starts_with('>') {
                self.at = self.at.saturating_add(1);
                break false;
            }
            if rest.starts_with("/>") {
                self.at = self.at.saturating_add(2);
                break true;
            }
            if !spaced {
                return self.error("attributes are separated by white space");
            }
            let (name, value) = self.attribute()?;
            match name.split_once(':') {
                Some(("xmlns", prefix)) => self.scope.push((prefix, value)),
                None if name == "xmlns" => self.scope.push(("", value)),
                split => {
                    let (prefix, name) = split.unwrap_or(("", name));
                    attributes
                        .push((prefix, Attribute { namespace: String::new(), name: name.into(), value }));
                }
            }
        };
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let mut element =
            Element { namespace: self.namespace(prefix)?, name: local.into(), ..Element::default() };
        for (prefix, mut attribute) in attributes {
            if !prefix.is_empty() {
                attribute.namespace = self.namespace(prefix)?;
            }
            if element.attribute(&attribute.namespace, &attribute.name).is_some() {
                return self.error("an attribute appears twice");
            }
            element.attributes.push(attribute);
        }
        if empty {
            self.scope.truncate(scope);
            return self.place(element);
        }
        self.open.push(Open { name, element, scope });
        Ok(())
    }

    fn namespace(&self, prefix: &str) -> Result<String, XmlError> {
        match self.scope.iter().rev().find(|(declared, _)| *declared == prefix) {
            Some((_, namespace)) => Ok(namespace.clone()),
            None if prefix.is_empty() => Ok(String::new()),
            None if prefix == "xml" => Ok(XML.into()),
            None => Err(malformed(self.at, format!("the prefix `{prefix}` is not declared"))),
        }
    }

    fn attribute(&mut self) -> Result<(&'a str, String), XmlError> {
        let name = self.name()?;
        self.space();
        if !self.rest().starts_with('=') {
            return self.error("an attribute without a value");
        }
        self.at = self.at.saturating_add(1);
        self.space();
        let quote = match self.rest().bytes().next() {
            Some(b'"') => "\"",
            Some(b'\'') => "'",
            _ => return self.error("an attribute's value stands in quotes"),
        };
        let start = self.at;
        let raw = self.over(1, quote, "an attribute's value without an end")?;
        if raw.contains('<') {
            return self.error("`<` in an attribute's value");
        }
        let mut value = String::with_capacity(raw.len());
        resolve(raw, start, &mut value, push_spaces)?;
        Ok((name, value))
    }
}

/// Appends text with its references resolved; `push` appends what is between them.
fn resolve(text: &str, at: usize, into: &mut String, push: fn(&mut String, &str)) -> Result<(), XmlError> {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        push(into, before);
        let reference = after.split_once(';').and_then(|(name, after)| Some((reference(name)?, after)));
        let Some((character, after)) = reference else {
            return Err(malformed(at, "a reference that XML does not predefine, or to no character"));
        };
        into.push(character);
        rest = after;
    }
    push(into, rest);
    Ok(())
}

/// Section 2.11: every line end is one line feed.
fn push_lines(into: &mut String, text: &str) {
    if text.contains('\r') {
        into.push_str(&text.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        into.push_str(text);
    }
}

/// Section 3.3.3: white space in a value is spaces.
fn push_spaces(into: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r')) {
        into.push_str(&text.replace("\r\n", " ").replace(['\t', '\n', '\r'], " "));
    } else {
        into.push_str(text);
    }
}

/// The character that a reference stands for: one of the five predefined entities (section 4.6), or a number (4.1).
fn reference(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
            // `from_str_radix` takes a sign, which XML does not.
            let first = digits.chars().next()?;
            let code = u32::from_str_radix(digits, radix).ok().filter(|_| first.is_digit(radix))?;
            let allowed = |character: &char| match character {
                '\t' | '\n' | '\r' => true,
                '\u{fffe}' | '\u{ffff}' => false,
                other => *other >= ' ',
            };
            char::from_u32(code).filter(allowed)
        }
    }
}
