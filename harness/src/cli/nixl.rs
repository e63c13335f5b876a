//! `mock-ucx nixl`: which releases of NIXL there are, and fetching one.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::nixl::cache::State;
use crate::nixl::{Fetcher, Installed, RELEASES, Release, Spec};

/// Lists and fetches the releases of NIXL that can be tested.
#[derive(Debug, Args)]
pub struct NixlArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Lists the known releases, and which of them are in the cache.
    List,
    /// Fetches a release into the cache and shows what is in it.
    Fetch {
        /// A release such as `1.5.1` or `cu13:1.5.1`, or a folder with an unpacked NIXL.
        #[arg(value_name = "VERSION|DIR")]
        spec: String,
    },
}

impl NixlArgs {
    /// Runs the verb.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.verb {
            Verb::List => list()?,
            Verb::Fetch { spec } => fetch(&spec)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list() -> anyhow::Result<()> {
    let fetcher = Fetcher::of_user()?;
    anstream::println!(
        "{:<12} {:<10} {:<8} {:<12} CACHED",
        "RELEASE",
        "PACKAGE",
        "UCX",
        "DRIVEN BY"
    );
    for release in &RELEASES {
        let state = fetcher.state(release);
        anstream::println!("{}", row(release, &state));
    }
    Ok(())
}

fn row(release: &Release, state: &State) -> String {
    let cached = match state {
        State::Missing => "no".to_owned(),
        State::Whole => "yes".to_owned(),
        State::Damaged(damage) => format!("damaged: {damage}"),
    };
    let (package, driver) = (release.package.pip_name(), release.driver.to_string());
    format!(
        "{:<12} {package:<10} {:<8} {driver:<12} {cached}",
        release.spec(),
        release.ucx
    )
}

fn fetch(spec: &str) -> anyhow::Result<()> {
    let installed = match Spec::parse(spec)? {
        Spec::Folder(path) => Installed::open(&path)?,
        Spec::Release(release) => {
            let fetcher = Fetcher::of_user()?;
            match fetcher.state(release) {
                State::Whole => {}
                State::Missing => anstream::eprintln!("fetching {release} with pip"),
                State::Damaged(damage) => anstream::eprintln!("fetching {release} again: {damage}"),
            }
            fetcher.fetch(release)?
        }
    };
    anstream::println!("folder    {}", installed.root.display());
    anstream::println!("plugin    {}", installed.plugin.display());
    match &installed.capi {
        Some(capi) => anstream::println!(
            "C API     {} ({} functions)",
            capi.display(),
            installed.capi_functions()?.len()
        ),
        None => anstream::println!("C API     none: this release is driven by Python"),
    }
    anstream::println!(
        "UCX       {}",
        installed
            .ucx_version
            .as_deref()
            .unwrap_or("version unknown")
    );
    for library in &installed.ucx {
        anstream::println!("          {}", library.soname);
    }
    anstream::println!(
        "imports   {} functions of UCX",
        installed.ucx_imports()?.len()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_is_known_and_whether_it_is_cached() {
        let release = Release::find(crate::nixl::Package::Cu13, "1.5.1").expect("it is known");
        assert_eq!(
            row(release, &State::Missing),
            "cu13:1.5.1   nixl-cu13  1.23.0   C API (104)  no"
        );
        assert!(
            row(release, &State::Damaged("x was changed".to_owned()))
                .ends_with("damaged: x was changed")
        );
    }
}
