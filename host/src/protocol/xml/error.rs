//! What can be wrong with a document.
//!
//! Owns two texts of each error: the exact one for the log, and a fixed one for the caller.

/// What is wrong with a document, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, byte {offset}: {kind}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Bytes before the place, in the document as UTF-8 with line ends normalised; for errors of the encoding, in the
    /// document as it was sent.
    pub offset: usize,
    /// The line of the place, from 1; 1 for errors of the encoding.
    pub line: usize,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// It has a document type declaration. None is taken: entities are where XML's attacks live.
    #[error("a document type declaration is not taken")]
    Doctype,
    /// It has a processing instruction where none is taken.
    #[error("a processing instruction is not taken")]
    ProcessingInstruction,
    /// It is in an encoding that is not taken.
    #[error("the encoding is neither UTF-8 nor UTF-16 with a byte order mark")]
    EncodingUnsupported,
    /// The byte order mark, the declaration and the media type do not agree on the encoding.
    #[error("byte order mark, XML declaration and charset parameter contradict one another")]
    EncodingContradiction,
    /// Its bytes are not text in its encoding.
    #[error("the bytes are not text in the document's encoding")]
    EncodingBroken,
    /// A character that XML does not allow.
    #[error("a character that XML does not allow")]
    Character,
    /// It is not well-formed, or not well-formed with namespaces. The text says which rule it breaks.
    #[error("not well-formed: {0}")]
    Malformed(&'static str),
    /// Elements are nested more deeply than `xml_depth_max`.
    #[error("elements are nested too deeply (xml_depth_max)")]
    Depth,
    /// An element has more attributes than `xml_attributes_max`.
    #[error("an element has too many attributes (xml_attributes_max)")]
    Attributes,
    /// An element declares more namespaces than `xml_namespaces_max`.
    #[error("an element declares too many namespaces (xml_namespaces_max)")]
    Namespaces,
    /// The namespaces in scope cannot be repeated on so many parts of the document.
    #[error("the namespaces in scope are too long to be repeated on parts of the document")]
    Capture,
}

impl ErrorKind {
    /// One sentence for the caller. Nothing of the document is in it.
    #[must_use]
    pub fn public(self) -> &'static str {
        match self {
            Self::Doctype => "The XML has a document type declaration, which is not taken here.",
            Self::ProcessingInstruction => "The XML has a processing instruction, which is not taken here.",
            Self::EncodingUnsupported => "The XML is not in UTF-8 or in UTF-16 with a byte order mark.",
            Self::EncodingContradiction => "The XML and its media type name different encodings.",
            Self::EncodingBroken => "The XML has bytes that are not text in its encoding.",
            Self::Character => "The XML has a character that XML does not allow.",
            Self::Malformed(_) => "The XML is not well-formed.",
            Self::Depth => "The XML is nested more deeply than this service takes.",
            Self::Attributes => "The XML has an element with more attributes than this service takes.",
            Self::Namespaces | Self::Capture => "The XML declares more namespaces than this service takes.",
        }
    }

    /// This error at a place in a text.
    pub(super) fn at(self, text: &str, offset: usize) -> Error {
        let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
        let line = memchr::memchr_iter(b'\n', before).count().saturating_add(1);
        Error { kind: self, offset, line }
    }
}
