//! What the attributes of all styles share: their own arguments, doc comments, and the shape of an `impl` block.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, Lit, Meta, Pat, Result,
    Type,
};

/// The arguments that every style's attribute takes.
pub(crate) struct StyleArguments {
    /// Leave out the panic hook.
    pub(crate) pure: bool,
}

impl StyleArguments {
    /// Reads `pure` or nothing.
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        if tokens.is_empty() {
            return Ok(Self { pure: false });
        }
        let word: Ident = syn::parse2(tokens)?;
        if word == "pure" {
            return Ok(Self { pure: true });
        }
        Err(Error::new(
            word.span(),
            "the only argument here is `pure`: leave out the panic hook and its import",
        ))
    }

    /// What every exported function begins with.
    pub(crate) fn entry(&self) -> TokenStream {
        if self.pure { TokenStream::new() } else { quote!(::guesthouse_sdk::panic::install();) }
    }
}

/// The plain name of the type that a block implements.
pub(crate) fn implementor(block: &ItemImpl) -> Result<Ident> {
    if let Some((_, path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "this attribute stands on `impl Type { ... }`, not on a trait's impl",
        ));
    }
    if !block.generics.params.is_empty() {
        return Err(Error::new_spanned(&block.generics, "a plugin's type has no generic parameters"));
    }
    match &*block.self_ty {
        Type::Path(path) if path.qself.is_none() => path
            .path
            .get_ident()
            .cloned()
            .ok_or_else(|| Error::new_spanned(path, "name the type by its plain name, without a path")),
        other => Err(Error::new_spanned(other, "name the type by its plain name")),
    }
}

/// Takes the functions that carry one of the attributes `names` out of a block's items, with that attribute removed from
/// them, and gives each with its attribute.
pub(crate) fn take_marked(block: &mut ItemImpl, names: &[&str]) -> Result<Vec<(Attribute, ImplItemFn)>> {
    let mut marked = Vec::new();
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else { continue };
        let is_mark = |attribute: &Attribute| names.iter().any(|name| attribute.path().is_ident(name));
        let Some(at) = function.attrs.iter().position(is_mark) else { continue };
        let attribute = function.attrs.remove(at);
        if let Some(second) = function.attrs.iter().find(|attribute| is_mark(attribute)) {
            return Err(Error::new_spanned(second, "one function answers one of these"));
        }
        if let Some(asyncness) = function.sig.asyncness {
            return Err(Error::new_spanned(
                asyncness,
                "handlers are not async: the host runs each call on its own",
            ));
        }
        if !function.sig.generics.params.is_empty() {
            return Err(Error::new_spanned(&function.sig.generics, "handlers have no generic parameters"));
        }
        marked.push((attribute, function.clone()));
    }
    Ok(marked)
}

/// One argument of a handler.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) attributes: Vec<Attribute>,
}

/// A handler's arguments.
pub(crate) fn arguments(function: &ImplItemFn) -> Result<Vec<Argument>> {
    let mut arguments = Vec::new();
    for input in &function.sig.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                return Err(Error::new_spanned(
                    receiver,
                    "handlers take no `self`: an instance serves one call",
                ));
            }
            FnArg::Typed(typed) => {
                let Pat::Ident(pattern) = &*typed.pat else {
                    return Err(Error::new_spanned(
                        &typed.pat,
                        "name the argument plainly: the name is part of the API",
                    ));
                };
                arguments.push(Argument {
                    name: pattern.ident.clone(),
                    ty: (*typed.ty).clone(),
                    attributes: typed.attrs.clone(),
                });
            }
        }
    }
    Ok(arguments)
}

/// The doc comment among attributes as plain text, lines joined, paragraphs apart.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value else { continue };
        if !pair.path.is_ident("doc") {
            continue;
        }
        let line = line.value();
        let line = line.trim();
        if line.is_empty() {
            if !text.is_empty() && !text.ends_with("\n\n") {
                text.push_str("\n\n");
            }
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(line);
        }
    }
    text.trim_end().to_owned()
}

/// The first paragraph of the doc comment.
pub(crate) fn summary(attributes: &[Attribute]) -> String {
    documentation(attributes).split("\n\n").next().unwrap_or_default().to_owned()
}

/// Removes doc comments and `#[name]` from the arguments of all functions of a block: they were read, and Rust itself
/// allows none of them there.
pub(crate) fn strip_argument_attributes(block: &mut ItemImpl) {
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else { continue };
        for input in &mut function.sig.inputs {
            if let FnArg::Typed(typed) = input {
                typed.attrs.retain(|attribute| {
                    !attribute.path().is_ident("doc") && !attribute.path().is_ident("name")
                });
            }
        }
    }
}

/// Marks exported functions as used. Outside a component nothing calls them, and all of the plugin would count as
/// unused code.
pub(crate) fn used(functions: &TokenStream) -> TokenStream {
    quote! {
        const _: () = {
            let _ = (#functions,);
        };
    }
}

/// Whether the last name of a type's path is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// The first generic argument of a type's path: `T` of `Result<T, E>`.
pub(crate) fn first_generic(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let syn::PathArguments::AngleBracketed(generics) = &path.path.segments.last()?.arguments else {
        return None;
    };
    generics.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// A name without Rust's `r#`.
pub(crate) fn plain(name: &Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

/// One string literal in parentheses after an attribute's name.
pub(crate) fn one_string(attribute: &Attribute) -> Result<syn::LitStr> {
    let list = attribute.parse_args_with(Punctuated::<syn::LitStr, syn::Token![,]>::parse_terminated)?;
    match list.iter().collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).clone()),
        _ => Err(Error::new_spanned(attribute, "one string literal is expected here")),
    }
}

/// An error at the attribute itself.
pub(crate) fn fail<T>(message: &str) -> Result<T> {
    Err(Error::new(Span::call_site(), message))
}
