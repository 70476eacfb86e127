//! The binary embeds the built web app, so the build fails without it.

use std::path::Path;

fn main() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist/index.html");
    println!("cargo::rerun-if-changed={}", built.display());
    if !built.exists() {
        println!("cargo::error=the web app is not built; run: make web");
    }
}
