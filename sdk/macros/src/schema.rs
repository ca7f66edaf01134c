//! `#[derive(Schema)]`: JSON Schema from a type's fields, its doc comments and its serde attributes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result};

use crate::common::{documentation, plain};

/// What serde's attributes say about a type or a field.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    rename_all: Option<String>,
    default: bool,
    skip: bool,
    deny_unknown_fields: bool,
}

impl Serde {
    fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut found = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                match name.as_str() {
                    "rename" => found.rename = Some(meta.value()?.parse::<syn::LitStr>()?.value()),
                    "rename_all" => found.rename_all = Some(meta.value()?.parse::<syn::LitStr>()?.value()),
                    "skip" => found.skip = true,
                    "deny_unknown_fields" => found.deny_unknown_fields = true,
                    "transparent" => {}
                    "default" | "skip_serializing_if" => {
                        found.default = true;
                        if meta.input.peek(syn::Token![=]) {
                            meta.value()?.parse::<syn::Expr>()?;
                        }
                    }
                    _ => {
                        return Err(meta.error(
                            "derive(Schema) does not follow this serde attribute: implement Schema by hand",
                        ));
                    }
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// The name that serde gives a field or variant.
    fn name(&self, own: &str, of_type: &Serde, is_variant: bool) -> String {
        match (&self.rename, &of_type.rename_all) {
            (Some(name), _) => name.clone(),
            (None, Some(rule)) => apply_rule(own, rule, is_variant),
            (None, None) => own.to_owned(),
        }
    }
}

/// serde's naming rules. Fields come in `snake_case`, variants in `PascalCase`.
fn apply_rule(name: &str, rule: &str, is_variant: bool) -> String {
    let words: Vec<String> = if is_variant {
        let mut words: Vec<String> = Vec::new();
        for letter in name.chars() {
            match words.last_mut() {
                Some(word) if !letter.is_uppercase() => word.push(letter),
                _ => words.push(letter.to_lowercase().to_string()),
            }
        }
        words
    } else {
        name.split('_').map(str::to_owned).collect()
    };
    let capital = |word: &String| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    match rule {
        "lowercase" => words.concat(),
        "UPPERCASE" => words.concat().to_uppercase(),
        "PascalCase" => words.iter().map(capital).collect(),
        "camelCase" => words
            .iter()
            .enumerate()
            .map(|(at, word)| if at == 0 { word.clone() } else { capital(word) })
            .collect(),
        "SCREAMING_SNAKE_CASE" => words.join("_").to_uppercase(),
        "kebab-case" => words.join("-"),
        "SCREAMING-KEBAB-CASE" => words.join("-").to_uppercase(),
        _ => words.join("_"),
    }
}

/// The members that `#[schema(minimum = 1, maximum = 100)]` adds to a field's schema, as pairs.
fn members(attributes: &[Attribute]) -> Result<Vec<TokenStream>> {
    let mut pairs = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("schema")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.require_ident()?.to_string();
            let value: syn::Expr = meta.value()?.parse()?;
            pairs.push(quote!((#name, ::guesthouse_sdk::json!(#value))));
            Ok(())
        })?;
    }
    Ok(pairs)
}

pub(crate) fn expand(item: TokenStream) -> Result<TokenStream> {
    let input: DeriveInput = syn::parse2(item)?;
    let of_type = Serde::parse(&input.attrs)?;
    let title = plain(&input.ident);
    let description = documentation(&input.attrs);
    let body = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => {
                let mut add = Vec::new();
                for field in &fields.named {
                    let of_field = Serde::parse(&field.attrs)?;
                    let Some(own) = field.ident.as_ref().filter(|_| !of_field.skip) else { continue };
                    let name = of_field.name(&plain(own), &of_type, false);
                    let text = documentation(&field.attrs);
                    let ty = &field.ty;
                    let may_miss = of_field.default || of_type.default;
                    let members = members(&field.attrs)?;
                    add.push(quote!(.field::<#ty>(#name, #text, #may_miss, &[#(#members),*])));
                }
                let closed = of_type.deny_unknown_fields;
                quote!(::guesthouse_sdk::schema::Object::new(#title, #description) #(#add)* .finish(#closed))
            }
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                let ty = fields.unnamed.first().map(|field| &field.ty);
                quote!(::guesthouse_sdk::schema::described(<#ty as ::guesthouse_sdk::Schema>::schema(), #description))
            }
            _ => {
                return Err(Error::new_spanned(
                    &input.ident,
                    "derive(Schema) needs named fields or exactly one unnamed",
                ));
            }
        },
        Data::Enum(data) => {
            let mut names = Vec::new();
            for variant in &data.variants {
                if !matches!(variant.fields, Fields::Unit) {
                    return Err(Error::new_spanned(
                        variant,
                        "derive(Schema) takes enums of plain variants only: implement Schema by hand",
                    ));
                }
                let of_variant = Serde::parse(&variant.attrs)?;
                if !of_variant.skip {
                    names.push(of_variant.name(&plain(&variant.ident), &of_type, true));
                }
            }
            quote!(::guesthouse_sdk::schema::one_of(#title, #description, &[#(#names),*]))
        }
        Data::Union(_) => return Err(Error::new_spanned(&input.ident, "a union has no schema")),
    };
    let object = match &input.data {
        Data::Struct(data) => match (&data.fields, data.fields.iter().next()) {
            (Fields::Unnamed(_), Some(inner)) => {
                let ty = &inner.ty;
                quote!(<#ty as ::guesthouse_sdk::Schema>::OBJECT)
            }
            _ => quote!(true),
        },
        _ => quote!(false),
    };
    let name = &input.ident;
    let mut generics = input.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(syn::parse_quote!(::guesthouse_sdk::Schema));
    }
    let (implementation, types, clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #implementation ::guesthouse_sdk::Schema for #name #types #clause {
            const OBJECT: bool = #object;

            fn schema() -> ::guesthouse_sdk::schema::Value { #body }
        }
    })
}
