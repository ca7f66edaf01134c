//! Elements as texts of their own.
//!
//! Owns which namespaces such a text has to declare, and how much of that a document may ask for.

use std::borrow::Cow;

use super::super::error::{Error, ErrorKind};
use super::super::write::push_attribute;
use super::Reader;
use crate::limits::XML_CAPTURE_BYTES_MAX;

impl<'a> Reader<'a> {
    /// Goes to the end of the element that has just begun, over its `Event::End`, and gives it as XML text that means the same
    /// anywhere: with every namespace in scope declared on it, since prefixes may also stand in its text and values.
    ///
    /// # Errors
    /// As [`Reader::next`], and when the namespaces that captures of this document add are too long in total.
    pub fn capture(&mut self) -> Result<Cow<'a, str>, Error> {
        let Some(open) = self.open.last() else { return Ok(Cow::Borrowed("")) };
        let (start, bindings) = (open.start, open.bindings);
        let name_end = start.saturating_add(1).saturating_add(open.name.len());
        let mut declarations = String::new();
        for binding in self.scope.inherited(bindings) {
            declarations.push_str(if binding.prefix.is_empty() { " xmlns" } else { " xmlns:" });
            declarations.push_str(binding.prefix);
            declarations.push_str("=\"");
            // A namespace name was read from a document, so each of its characters can be written.
            let written = push_attribute(&mut declarations, &binding.namespace);
            declarations.push('"');
            let total = self.captured_bytes.saturating_add(declarations.len());
            if written.is_err() || total > XML_CAPTURE_BYTES_MAX {
                return Err(self.error(ErrorKind::Capture));
            }
        }
        self.captured_bytes = self.captured_bytes.saturating_add(declarations.len());
        self.skip()?;
        if declarations.is_empty() {
            return Ok(Cow::Borrowed(self.slice(start, self.position)));
        }
        let (head, rest) = (self.slice(start, name_end), self.slice(name_end, self.position));
        Ok(Cow::Owned([head, &declarations, rest].concat()))
    }
}
