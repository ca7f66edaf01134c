//! A plugin's bytes, looked at before any compiler sees them.
//!
//! Owns what can be said from the outside of a file: whether it is a component, what it imports and exports, in which styles it
//! can be served. It walks the outermost level only, in one pass, and allocates nothing but names, so that hostile bytes cost
//! what reading them costs. Whether the code inside is valid is for the compiling child. Refuses to know what an import does.

use anyhow::{Result, bail};
use wasmparser::{Chunk, Encoding, Parser, Payload};

use super::Style;
use crate::limits::{COMPONENT_ITEMS_MAX, TYPED_TEXT_BYTES_MAX};

/// What a component's outermost level says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Surface {
    /// Names of imported interfaces and functions.
    pub(super) imports: Vec<String>,
    /// Names of exported interfaces and functions.
    pub(super) exports: Vec<String>,
    /// The WIT text that `guesthouse build` embeds, because doc comments do not survive in a component.
    pub(super) text: Option<String>,
}

/// The custom section of that text.
pub const TEXT_SECTION: &str = "guesthouse:wit";

const MAGIC: &[u8] = b"\0asm";

/// Reads the outermost level of a component.
///
/// # Errors
/// In words for the plugin's author.
pub(super) fn surface(file: &str, bytes: &[u8]) -> Result<Surface> {
    if bytes.is_empty() {
        bail!("{file} is empty");
    }
    if !bytes.starts_with(MAGIC) {
        if MAGIC.starts_with(bytes) {
            bail!("{file} is truncated: it ends after {} bytes", bytes.len());
        }
        bail!(
            "{file} is not WebAssembly: it does not begin with the bytes 00 61 73 6d. A component in text form (.wat) is made \
             binary by `wasm-tools parse`"
        );
    }
    let mut surface = Surface::default();
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    let mut items = 0_usize;
    loop {
        let offset = bytes.len().saturating_sub(rest.len());
        let (consumed, payload) = match parser.parse(rest, true) {
            Ok(Chunk::Parsed { consumed, payload }) => (consumed, payload),
            Ok(Chunk::NeedMoreData(_)) => bail!("{file} is truncated: it ends after {} bytes", bytes.len()),
            Err(error) => return Err(broken(file, &error, bytes.len())),
        };
        rest = rest.get(consumed..).unwrap_or_default();
        items = items.saturating_add(1);
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => bail!(
                "{file} is a core module, not a component: build it with `guesthouse build`, or make it one with `wasm-tools \
                 component new {file} -o component.wasm`"
            ),
            Payload::Version { .. } => {}
            Payload::ModuleSection { unchecked_range, .. }
            | Payload::ComponentSection { unchecked_range, .. } => {
                let length = unchecked_range.end.saturating_sub(unchecked_range.start);
                let Some(after) = usize::try_from(length).ok().and_then(|length| rest.get(length..)) else {
                    bail!("{file} is truncated: a section at byte {offset} is longer than the file");
                };
                rest = after;
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    let import = import.map_err(|error| broken(file, &error, bytes.len()))?;
                    items = items.saturating_add(1);
                    add(&mut surface.imports, import.name.name, items, file)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    let export = export.map_err(|error| broken(file, &error, bytes.len()))?;
                    items = items.saturating_add(1);
                    add(&mut surface.exports, export.name.name, items, file)?;
                }
            }
            Payload::CustomSection(section) if section.name() == TEXT_SECTION => {
                let text = section.data();
                if text.len() > TYPED_TEXT_BYTES_MAX {
                    bail!(
                        "{file} embeds a WIT text of {} bytes; at most {TYPED_TEXT_BYTES_MAX} are read",
                        text.len()
                    );
                }
                let text = std::str::from_utf8(text)
                    .map_err(|_| anyhow::anyhow!("{file} embeds a WIT text that is not UTF-8"))?;
                surface.text = Some(text.to_owned());
            }
            Payload::End(_) => break,
            _ => {}
        }
        if items > COMPONENT_ITEMS_MAX {
            bail!("{file} has more than {COMPONENT_ITEMS_MAX} items at its outermost level");
        }
    }
    Ok(surface)
}

fn add(names: &mut Vec<String>, name: &str, items: usize, file: &str) -> Result<()> {
    if items > COMPONENT_ITEMS_MAX {
        bail!("{file} has more than {COMPONENT_ITEMS_MAX} items at its outermost level");
    }
    names.push(name.to_owned());
    Ok(())
}

fn broken(file: &str, error: &wasmparser::BinaryReaderError, length: usize) -> anyhow::Error {
    let message = error.message();
    if message.contains("unexpected end") {
        return anyhow::anyhow!("{file} is truncated: it ends after {length} bytes, within a section");
    }
    let message: String = message.escape_debug().take(200).collect();
    anyhow::anyhow!("{file} is not a valid component: {message} (at byte {:#x})", error.offset())
}

/// The styles that a component's exports make it one of, in the order of the list.
///
/// # Errors
/// When there is none: what it exports, and what would be served.
pub(super) fn styles(
    file: &str,
    surface: &Surface,
    known: &[&'static dyn Style],
) -> Result<Vec<&'static dyn Style>> {
    let found: Vec<&'static dyn Style> = known
        .iter()
        .copied()
        .filter(|style| surface.exports.iter().any(|export| style.serves(export)))
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let wanted = known
        .iter()
        .map(|style| format!("{} ({})", style.name(), style.interface()))
        .collect::<Vec<_>>()
        .join(", ");
    let shown: Vec<String> =
        surface.exports.iter().take(8).map(|name| format!("`{}`", name.escape_debug())).collect();
    if shown.is_empty() {
        bail!("{file} exports nothing. Export the interface of one of the styles: {wanted}");
    }
    let more = surface.exports.len().saturating_sub(shown.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    bail!(
        "{file} exports {}{more}, and none of these is an interface that is served here. Export one of: {wanted}",
        shown.join(", ")
    )
}

/// Whether an export is an interface, in a version that stands in for the wanted one: the same major version, or below 1.0
/// the same minor one (the component model's rule for linking by version).
pub(super) fn same_interface(wanted: &str, export: &str) -> bool {
    fn split(name: &str) -> (&str, Option<&str>) {
        match name.split_once('@') {
            Some((interface, version)) => (interface, Some(version)),
            None => (name, None),
        }
    }
    fn track(version: &str) -> Option<(&str, Option<&str>)> {
        // A pre-release stands in for nothing but itself.
        if version.contains('-') {
            return None;
        }
        let mut numbers = version.split('.');
        match (numbers.next()?, numbers.next()?) {
            ("0", minor) => Some(("0", Some(minor))),
            (major, _) => Some((major, None)),
        }
    }
    if wanted == export {
        return true;
    }
    let ((wanted, wanted_version), (export, export_version)) = (split(wanted), split(export));
    wanted == export
        && match (wanted_version.and_then(track), export_version.and_then(track)) {
            (Some(wanted), Some(export)) => wanted == export,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_served_in_versions_of_its_own_track() {
        let table = [
            ("a:b/c@1.0.0", "a:b/c@1.0.0", true),
            ("a:b/c@1.0.0", "a:b/c@1.4.2", true),
            ("a:b/c@1.0.0", "a:b/c@2.0.0", false),
            ("a:b/c@0.2.0", "a:b/c@0.2.9", true),
            ("a:b/c@0.2.0", "a:b/c@0.3.0", false),
            ("a:b/c@1.0.0", "a:b/c@1.0.0-rc.1", false),
            ("a:b/c@0.2.0-draft", "a:b/c@0.2.0-draft", true),
            ("a:b/c@1.0.0", "a:b/c", false),
            ("a:b/c@1.0.0", "a:b/cc@1.0.0", false),
        ];
        for (wanted, export, same) in table {
            assert_eq!(same_interface(wanted, export), same, "{wanted} {export}");
        }
    }

    #[test]
    fn only_the_outermost_level_is_read() {
        let bytes = wat::parse_str(
            r#"(component
                (component (import "inner:a/b@1.0.0" (instance)))
                (core module (import "core" "f" (func)))
                (import "outer:a/b@1.0.0" (instance))
                (instance $i) (export "outer:c/d@1.0.0" (instance $i)))"#,
        )
        .unwrap();
        let surface = surface("a.wasm", &bytes).unwrap();
        assert_eq!(surface.imports, ["outer:a/b@1.0.0"]);
        assert_eq!(surface.exports, ["outer:c/d@1.0.0"]);
    }

    #[test]
    fn a_component_with_too_many_items_is_refused() {
        let imports: String =
            (0..=COMPONENT_ITEMS_MAX).map(|number| format!("(import \"f{number}\" (func))")).collect();
        let bytes = wat::parse_str(format!("(component {imports})")).unwrap();
        let error = surface("a.wasm", &bytes).unwrap_err().to_string();
        assert!(error.contains("more than 10000 items"), "{error}");
    }

    #[test]
    fn a_core_module_is_told_how_to_become_a_component() {
        let error = surface("a.wasm", &wat::parse_str("(module)").unwrap()).unwrap_err().to_string();
        assert!(
            error.contains("guesthouse build") && error.contains("wasm-tools component new a.wasm"),
            "{error}"
        );
    }
}
