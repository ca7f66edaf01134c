//! SOAP encoding (SOAP 1.2 part 2, section 3), as far as the test collection goes: references are resolved, arrays and values
//! checked. What comes out is a tree of names and texts without the attributes of the encoding.

use std::collections::HashMap;

use guesthouse_sdk::soap::{Element, Fault, QualifiedName, xml::SCHEMA_INSTANCE};

/// The namespace of the encoding, which is also its name as an encoding style.
pub(crate) const NAMESPACE: &str = "http://www.w3.org/2003/05/soap-encoding";

/// How deeply references may nest: a graph that refers to itself has no end as a tree.
const DEPTH_MAX: usize = 32;

/// The values of a message by their identifiers.
pub(crate) struct Graph<'a> {
    values: HashMap<&'a str, &'a Element>,
}

impl<'a> Graph<'a> {
    /// Gathers the identifiers of a message.
    ///
    /// # Errors
    /// Section 3.1.5.3: when an identifier appears twice.
    pub(crate) fn new(request: &'a Element, blocks: &'a [Element]) -> Result<Self, Fault> {
        let mut values = HashMap::new();
        let mut waiting: Vec<&Element> = blocks.iter().chain([request]).collect();
        while let Some(element) = waiting.pop() {
            if let Some(id) = element.attribute(NAMESPACE, "id")
                && values.insert(id, element).is_some()
            {
                return Err(encoding_fault("an identifier appears twice", "DuplicateID"));
            }
            waiting.extend(&element.children);
        }
        Ok(Self { values })
    }

    /// A value as a tree in which nothing refers to anything.
    ///
    /// # Errors
    /// When a reference leads nowhere, an array is described wrongly, or an item is not of the type that the array names.
    pub(crate) fn resolve(&self, element: &Element) -> Result<Element, Fault> {
        self.tree(element, DEPTH_MAX)
    }

    fn tree(&self, element: &Element, depth: usize) -> Result<Element, Fault> {
        let depth = depth.checked_sub(1).ok_or_else(|| Fault::sender("the values refer to themselves"))?;
        let reference = element.attribute(NAMESPACE, "ref");
        if reference.is_some() && element.attribute(NAMESPACE, "id").is_some() {
            return Err(Fault::sender("id and ref stand on one element (section 3.1.5.4)"));
        }
        // The collection writes references both as names and, as in a draft, with a `#`.
        let value = match reference.map(|reference| reference.trim_start_matches('#')) {
            Some(id) => *self
                .values
                .get(id)
                .ok_or_else(|| encoding_fault("a reference leads to no identifier", "MissingID"))?,
            None => element,
        };
        let items = value.attribute(NAMESPACE, "itemType");
        check_size(value.attribute(NAMESPACE, "arraySize"))?;
        let simple = items.is_some_and(|name| matches!(local(name), "string" | "int" | "float"));
        if simple && value.children.iter().any(|item| !item.children.is_empty()) {
            return Err(Fault::sender("an item of the array is not of the type that the array names"));
        }
        let children = value.children.iter().map(|child| self.tree(child, depth));
        Ok(Element {
            name: element.name.clone(),
            namespace: element.namespace.clone(),
            attributes: value
                .attributes
                .iter()
                .filter(|attribute| attribute.namespace == SCHEMA_INSTANCE && attribute.name == "nil")
                .cloned()
                .collect(),
            text: if value.children.is_empty() { value.text.clone() } else { String::new() },
            children: children.collect::<Result<_, _>>()?,
        })
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Section 3.1.4.3: sizes are numbers, and only the first may be `*`.
fn check_size(sizes: Option<&str>) -> Result<(), Fault> {
    let mut sizes = sizes.unwrap_or("*").split_ascii_whitespace();
    let number = |size: &str| !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    let first = sizes.next().is_some_and(|size| size == "*" || number(size));
    if first && sizes.all(number) {
        Ok(())
    } else {
        Err(Fault::sender("arraySize is a list of sizes, of which only the first may be `*`"))
    }
}

fn encoding_fault(reason: &str, subcode: &str) -> Fault {
    Fault::sender(reason).with_subcode(QualifiedName::new(NAMESPACE, subcode))
}
