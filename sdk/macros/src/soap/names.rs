//! Names on the wire, and the documentation that goes with them.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta};

/// `opening_balance` as `openingBalance`, the way XML vocabularies spell names.
pub(super) fn camel(ident: &Ident) -> String {
    let pascal = pascal(ident);
    let mut characters = pascal.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or(pascal)
}

/// `open_account` as `OpenAccount`.
pub(super) fn pascal(ident: &Ident) -> String {
    let text = ident.unraw().to_string();
    let words = text.split('_').filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect::<String>()
    };
    words.map(capital).collect()
}

/// Reads a name that the author chose: it must be a name without a colon (Namespaces in XML, section 4).
pub(super) fn chosen(meta: &ParseNestedMeta<'_>) -> syn::Result<String> {
    let literal: LitStr = meta.value()?.parse()?;
    let name = literal.value();
    let first = name.chars().next().is_some_and(|one| one.is_alphabetic() || one == '_');
    let rest = name.chars().all(|one| one.is_alphanumeric() || matches!(one, '_' | '-' | '.'));
    match first && rest {
        true => Ok(name),
        false => Err(syn::Error::new(
            literal.span(),
            "not a name in XML: a letter, then letters, digits, `_`, `-`, `.`",
        )),
    }
}

/// The name in `#[xml(name = "...")]`, if there is one.
pub(super) fn xml_name(attributes: &[Attribute]) -> syn::Result<Option<String>> {
    let mut name = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("xml")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("name") {
                return Err(meta.error("unknown; there is `name = \"...\"`"));
            }
            name = Some(chosen(&meta)?);
            Ok(())
        })?;
    }
    Ok(name)
}

/// The doc comment as one line.
pub(super) fn documentation(attributes: &[Attribute]) -> String {
    let mut words = Vec::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            words.extend(text.value().split_whitespace().map(str::to_owned));
        }
    }
    words.join(" ")
}

/// Refuses a name that is given twice in one place.
pub(super) fn distinct<'a>(
    names: impl IntoIterator<Item = (&'a String, proc_macro2::Span)>,
) -> syn::Result<()> {
    let mut seen: Vec<&String> = Vec::new();
    for (name, span) in names {
        if seen.contains(&name) {
            return Err(syn::Error::new(span, format!("the name `{name}` is already taken")));
        }
        seen.push(name);
    }
    Ok(())
}
