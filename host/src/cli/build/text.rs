//! The WIT text that goes into a component.
//!
//! Owns finding it and appending it. Doc comments do not survive in a component's types, and contracts are made of them, so a
//! plugin's own WIT (the folder `wit` beside its `Cargo.toml`, where every tool of the component model keeps it) is embedded as one
//! text in a custom section. Refuses to judge it: the host that loads the component checks it against the types.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::{OutputToString, WitPrinter};
use wit_parser::{PackageId, Resolve};

use crate::limits::TYPED_TEXT_BYTES_MAX;
use crate::plugin::vet::TEXT_SECTION;

/// Appends the WIT of a plugin's folder to its component, if it has any.
///
/// # Errors
/// When the folder is there and cannot be read as WIT, or its text is over the limit.
pub(super) fn embed(component: &mut Vec<u8>, directory: &Path) -> anyhow::Result<()> {
    let folder = directory.join("wit");
    if !folder.is_dir() {
        return Ok(());
    }
    let mut resolve = Resolve::default();
    let (package, _) =
        resolve.push_dir(&folder).with_context(|| format!("{} cannot be read as WIT", folder.display()))?;
    let text = print(&resolve, package).with_context(|| format!("{}", folder.display()))?;
    ensure!(
        text.len() <= TYPED_TEXT_BYTES_MAX,
        "{}: its text with all packages has {} bytes; a host reads at most {TYPED_TEXT_BYTES_MAX}",
        folder.display(),
        text.len()
    );
    let section = CustomSection { name: TEXT_SECTION.into(), data: text.as_bytes().into() };
    section.append_to_component(component);
    Ok(())
}

/// The text of a package with all others nested in it.
fn print(resolve: &Resolve, package: PackageId) -> anyhow::Result<String> {
    let others: Vec<PackageId> =
        resolve.packages.iter().map(|(other, _)| other).filter(|other| *other != package).collect();
    let mut printer = WitPrinter::<OutputToString>::default();
    printer.print(resolve, package, &others)?;
    let text = String::from(printer.output);
    if text.is_empty() {
        bail!("there is nothing in it");
    }
    Ok(text)
}
