//! The derive `XmlValue`. A struct is a sequence of elements, one per field; a struct around one value is that value; an
//! enum without data is an enumeration of words; an enum whose variants hold one value each is a choice of elements.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{Data, DeriveInput, Fields, FieldsNamed, Ident, Type, Variant};

use super::names;

/// One element of a sequence: the field, its type, its name on the wire, its documentation.
pub(super) struct Element<'a> {
    pub(super) ident: &'a Ident,
    pub(super) kind: &'a Type,
    pub(super) name: String,
    pub(super) documentation: String,
}

pub(super) fn elements(fields: &FieldsNamed) -> syn::Result<Vec<Element<'_>>> {
    let mut elements = Vec::new();
    for field in &fields.named {
        if let Some(ident) = &field.ident {
            let name = names::xml_name(&field.attrs)?.unwrap_or_else(|| names::camel(ident));
            let documentation = names::documentation(&field.attrs);
            elements.push(Element { ident, kind: &field.ty, name, documentation });
        }
    }
    names::distinct(elements.iter().map(|element| (&element.name, element.ident.span())))?;
    Ok(elements)
}

/// An expression of type `String`: the declarations of the elements. `__schema` is in scope.
pub(super) fn declarations(elements: &[Element<'_>]) -> TokenStream {
    let each = elements.iter().map(|Element { kind, name, documentation, .. }| {
        quote! {
            __out.push_str(&<#kind as ::guesthouse_sdk::soap::XmlField>::declare(#name, #documentation, __schema));
        }
    });
    quote! {{
        let mut __out = ::std::string::String::new();
        let _ = (&mut __out, &mut *__schema);
        #(#each)*
        __out
    }}
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    if !input.generics.params.is_empty() {
        return Err(syn::Error::new(input.generics.span(), "a type of the wire has no parameters"));
    }
    let name = names::xml_name(&input.attrs)?.unwrap_or_else(|| names::pascal(&input.ident));
    let documentation = names::documentation(&input.attrs);
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => sequence(&input.ident, &name, &documentation, fields),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                Ok(fields.unnamed.first().map(|field| wrapped(&input.ident, &field.ty)).unwrap_or_default())
            }
            fields => Err(syn::Error::new(fields.span(), "the fields need names, for they become elements")),
        },
        Data::Enum(data) => {
            let variants: Vec<&Variant> = data.variants.iter().collect();
            if variants.is_empty() {
                Err(syn::Error::new(input.ident.span(), "an enum without variants has no values"))
            } else if variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) {
                enumeration(&input.ident, &name, &documentation, &variants)
            } else {
                choice(&input.ident, &name, &documentation, &variants)
            }
        }
        Data::Union(data) => Err(syn::Error::new(data.union_token.span(), "a union has no form on the wire")),
    }
}

fn sequence(
    ident: &Ident,
    name: &str,
    documentation: &str,
    fields: &FieldsNamed,
) -> syn::Result<TokenStream> {
    let elements = elements(fields)?;
    let declarations = declarations(&elements);
    let reads = elements.iter().map(|Element { ident, kind, name, .. }| {
        quote! { #ident: __fields.take::<#kind>(#name)?, }
    });
    let writes = elements.iter().map(|Element { ident, name, .. }| {
        quote! { ::guesthouse_sdk::soap::XmlField::write(&self.#ident, #name, __writer); }
    });
    let binding = if elements.is_empty() { quote!(let __fields) } else { quote!(let mut __fields) };
    Ok(quote! {
        #[automatically_derived]
        impl ::guesthouse_sdk::soap::XmlSequence for #ident {
            fn declare(__schema: &mut ::guesthouse_sdk::soap::schema::Schema) -> ::std::string::String {
                #declarations
            }

            fn write_fields(&self, __writer: &mut ::guesthouse_sdk::soap::value::Writer) {
                let _ = &__writer;
                #(#writes)*
            }
        }

        #[automatically_derived]
        impl ::guesthouse_sdk::soap::XmlValue for #ident {
            fn type_name(__schema: &mut ::guesthouse_sdk::soap::schema::Schema) -> ::std::string::String {
                __schema.define(#name, ::core::any::type_name::<Self>(), |__schema, __name| {
                    let __elements = <Self as ::guesthouse_sdk::soap::XmlSequence>::declare(__schema);
                    ::guesthouse_sdk::soap::schema::complex_type(__name, #documentation, "sequence", &__elements)
                })
            }

            fn read(
                __element: &::guesthouse_sdk::soap::Element,
            ) -> ::core::result::Result<Self, ::guesthouse_sdk::soap::Mismatch> {
                #binding = ::guesthouse_sdk::soap::value::Fields::new(__element)?;
                let __value = Self { #(#reads)* };
                __fields.finish()?;
                ::core::result::Result::Ok(__value)
            }

            fn write(&self, __writer: &mut ::guesthouse_sdk::soap::value::Writer) {
                ::guesthouse_sdk::soap::XmlSequence::write_fields(self, __writer);
            }
        }
    })
}

fn wrapped(ident: &Ident, kind: &Type) -> TokenStream {
    quote! {
        #[automatically_derived]
        impl ::guesthouse_sdk::soap::XmlValue for #ident {
            fn type_name(__schema: &mut ::guesthouse_sdk::soap::schema::Schema) -> ::std::string::String {
                <#kind as ::guesthouse_sdk::soap::XmlValue>::type_name(__schema)
            }

            fn read(
                __element: &::guesthouse_sdk::soap::Element,
            ) -> ::core::result::Result<Self, ::guesthouse_sdk::soap::Mismatch> {
                <#kind as ::guesthouse_sdk::soap::XmlValue>::read(__element).map(Self)
            }

            fn write(&self, __writer: &mut ::guesthouse_sdk::soap::value::Writer) {
                ::guesthouse_sdk::soap::XmlValue::write(&self.0, __writer);
            }
        }
    }
}

fn enumeration(
    ident: &Ident,
    name: &str,
    documentation: &str,
    variants: &[&Variant],
) -> syn::Result<TokenStream> {
    let mut words = Vec::new();
    for variant in variants {
        words.push(names::xml_name(&variant.attrs)?.unwrap_or_else(|| names::pascal(&variant.ident)));
    }
    names::distinct(words.iter().zip(variants.iter().map(|variant| variant.ident.span())))?;
    let idents: Vec<&Ident> = variants.iter().map(|variant| &variant.ident).collect();
    let documented = variants.iter().map(|variant| names::documentation(&variant.attrs));
    let expected = format!("{name} ({})", words.join(", "));
    Ok(quote! {
        #[automatically_derived]
        impl ::guesthouse_sdk::soap::XmlValue for #ident {
            fn type_name(__schema: &mut ::guesthouse_sdk::soap::schema::Schema) -> ::std::string::String {
                __schema.define(#name, ::core::any::type_name::<Self>(), |_, __name| {
                    ::guesthouse_sdk::soap::schema::enumeration(
                        __name, #documentation, &[#((#words, #documented)),*],
                    )
                })
            }

            fn read(
                __element: &::guesthouse_sdk::soap::Element,
            ) -> ::core::result::Result<Self, ::guesthouse_sdk::soap::Mismatch> {
                match ::guesthouse_sdk::soap::value::token(__element, #expected)? {
                    #(#words => ::core::result::Result::Ok(Self::#idents),)*
                    __found => ::core::result::Result::Err(
                        ::guesthouse_sdk::soap::value::unexpected(#expected, __found),
                    ),
                }
            }

            fn write(&self, __writer: &mut ::guesthouse_sdk::soap::value::Writer) {
                __writer.text(match self { #(Self::#idents => #words,)* });
            }
        }
    })
}

fn choice(ident: &Ident, name: &str, documentation: &str, variants: &[&Variant]) -> syn::Result<TokenStream> {
    let (mut idents, mut kinds, mut words, mut documented) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for variant in variants {
        let kind = match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
            _ => None,
        };
        let Some(kind) = kind else {
            let text = "in an enum with data, every variant holds exactly one value: `Name(Type)`";
            return Err(syn::Error::new(variant.ident.span(), text));
        };
        idents.push(&variant.ident);
        kinds.push(kind.ty.to_token_stream());
        words.push(names::xml_name(&variant.attrs)?.unwrap_or_else(|| names::camel(&variant.ident)));
        documented.push(names::documentation(&variant.attrs));
    }
    names::distinct(words.iter().zip(idents.iter().map(|ident| ident.span())))?;
    Ok(quote! {
        #[automatically_derived]
        impl ::guesthouse_sdk::soap::XmlValue for #ident {
            fn type_name(__schema: &mut ::guesthouse_sdk::soap::schema::Schema) -> ::std::string::String {
                __schema.define(#name, ::core::any::type_name::<Self>(), |__schema, __name| {
                    let mut __elements = ::std::string::String::new();
                    #(
                        let __type = <#kinds as ::guesthouse_sdk::soap::XmlValue>::type_name(__schema);
                        __elements.push_str(&::guesthouse_sdk::soap::schema::element(
                            #words, &__type, ::guesthouse_sdk::soap::schema::Occurs::Once, #documented,
                        ));
                    )*
                    ::guesthouse_sdk::soap::schema::complex_type(__name, #documentation, "choice", &__elements)
                })
            }

            fn read(
                __element: &::guesthouse_sdk::soap::Element,
            ) -> ::core::result::Result<Self, ::guesthouse_sdk::soap::Mismatch> {
                let __child = ::guesthouse_sdk::soap::value::choice(__element, &[#(#words),*])?;
                let __read = match __child.name.as_str() {
                    #(#words => <#kinds as ::guesthouse_sdk::soap::XmlValue>::read(__child).map(Self::#idents),)*
                    __found => ::core::result::Result::Err(
                        ::guesthouse_sdk::soap::value::unexpected(#name, __found),
                    ),
                };
                __read.map_err(|__mismatch| __mismatch.under(__child.name.as_str()))
            }

            fn write(&self, __writer: &mut ::guesthouse_sdk::soap::value::Writer) {
                match self {
                    #(Self::#idents(__value) => {
                        ::guesthouse_sdk::soap::XmlField::write(__value, #words, __writer);
                    })*
                }
            }
        }
    })
}
