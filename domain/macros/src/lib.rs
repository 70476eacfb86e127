//! `#[boxed]` turns `async fn f(a: &A, b: &B) -> T` into `fn f<'f>(a: &'f A, b: &'f B) -> BoxFuture<'f, T>`.
//!
//! rustc compiles the body of an `async fn` in the crate that polls it, once per codegen unit; a function that returns a
//! boxed future is compiled once, in its own crate. There is intentionally one lifetime and no `where` clause: with a
//! `where` clause (as `async_trait` and `async_recursion` generate) rustc proves again for every function that everything
//! in the future is `Send`, which takes about 0.3 s each; without one it caches the proof.

use proc_macro::TokenStream;
use quote::quote;
use syn::visit_mut::{self, VisitMut};
use syn::{
    GenericParam, ImplItemFn, Lifetime, ParenthesizedGenericArguments, ReceiverKind, ReturnType, TypeFnPtr,
    TypeReference, parse_macro_input, parse_quote,
};

/// Gives every reference of a signature the lifetime of the future.
struct SingleLifetime(Lifetime);

impl VisitMut for SingleLifetime {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = self.0.clone();
        }
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        reference.lifetime.get_or_insert_with(|| self.0.clone());
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_receiver_kind_mut(&mut self, kind: &mut ReceiverKind) {
        if let ReceiverKind::Reference(_, lifetime, _) = kind {
            lifetime.get_or_insert_with(|| self.0.clone());
        }
        visit_mut::visit_receiver_kind_mut(self, kind);
    }

    /// References in function pointer types keep their own lifetimes.
    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}
}

/// See the crate documentation.
#[proc_macro_attribute]
pub fn boxed(_: TokenStream, item: TokenStream) -> TokenStream {
    let ImplItemFn { attrs, vis, mut sig, block, .. } = parse_macro_input!(item as ImplItemFn);
    if sig.asyncness.take().is_none() {
        return syn::Error::new_spanned(sig, "#[boxed] requires an async fn").into_compile_error().into();
    }
    if sig.generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_))) {
        return syn::Error::new_spanned(
            sig,
            "a generic function is compiled in the crates of its callers: omit #[boxed]",
        )
        .into_compile_error()
        .into();
    }
    let lifetime: Lifetime = parse_quote!('f);
    sig.generics = parse_quote!(<#lifetime>);
    let mut visitor = SingleLifetime(lifetime.clone());
    sig.inputs.iter_mut().for_each(|input| visitor.visit_fn_arg_mut(input));
    visitor.visit_return_type_mut(&mut sig.output);
    let output = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) => quote!(#output),
    };
    sig.output = parse_quote! {
        -> ::std::pin::Pin<::std::boxed::Box<dyn ::std::future::Future<Output = #output> + ::std::marker::Send + #lifetime>>
    };
    quote!(#(#attrs)* #vis #sig { ::std::boxed::Box::pin(async move #block) }).into()
}
