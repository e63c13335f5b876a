//! The C program that asks UCX's headers.

use crate::Failure;
use crate::signatures::{self, Signature};
use mock_ucx::abi::types::{CONSTANT_GROUPS, Constant, Minor};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program that prints the value of each expression, one a line.
pub(crate) struct Program {
    source: String,
    /// How many of UCX's enums were found to have no member that the Rust side lacks.
    pub(crate) complete_enums: usize,
    /// How many names of later releases were found to be free.
    pub(crate) absent_names: usize,
    /// How many functions were found to have the type that the Rust side implements.
    pub(crate) functions: usize,
}

/// Members of enums that the Rust side leaves out on purpose: their value moves with the release.
const LEFT_OUT: &[&str] = &["UCS_MEMORY_TYPE_LAST"];

impl Program {
    /// The program for the headers of release 1.`minor`.
    pub(crate) fn of<'a>(minor: Minor, expressions: impl Iterator<Item = &'a str>) -> Program {
        let mut program = Program {
            source: String::new(),
            complete_enums: 0,
            absent_names: 0,
            functions: 0,
        };
        program.line("#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <ucp/api/ucp.h>");
        if minor >= 20 {
            program.line("#include <ucp/api/device/ucp_host.h>");
        }
        for (name, constants) in CONSTANT_GROUPS.iter().copied().flatten() {
            program.claim_absent(constants, minor);
            program.claim_complete(name, constants, minor);
        }
        for signature in signatures::all()
            .iter()
            .filter(|signature| signature.since <= minor)
        {
            program.claim_function(signature);
        }
        program.line("int main(void) {");
        for expression in expressions {
            program.line(&format!(
                "    printf(\"%lld\\n\", (long long)({expression}));"
            ));
        }
        program.line("    return 0;\n}");
        program
    }

    fn line(&mut self, text: &str) {
        writeln!(self.source, "{text}").expect("a string takes any text");
    }

    /// A name that the release has already cannot be declared again.
    fn claim_absent(&mut self, constants: &[Constant], minor: Minor) {
        for constant in constants.iter().filter(|constant| constant.since > minor) {
            self.line(&format!("enum {{ {} = 0 }};", constant.name));
            self.absent_names += 1;
        }
    }

    /// A pointer to the function has the type that the Rust side implements.
    fn claim_function(&mut self, signature: &Signature) {
        let (name, c_type) = (signature.name, signature.c_type());
        self.line(&format!("_Static_assert(__builtin_types_compatible_p(__typeof__(&{name}), {c_type}), \"{name}\");"));
        self.functions += 1;
    }

    /// A `switch` over an enum without `default` must name every member (`-Werror=switch`).
    fn claim_complete(&mut self, name: &str, constants: &[Constant], minor: Minor) {
        let values = constants.iter().filter(|constant| constant.since <= minor);
        let mut seen = BTreeSet::new();
        let labels: Vec<&str> = values
            .filter(|constant| seen.insert(constant.value))
            .map(|it| it.name)
            .collect();
        // Two groups have no enum of their own: flags in anonymous enums.
        if labels.is_empty() || name.contains(' ') {
            return;
        }
        let named_type = name.ends_with("_t") || name == "ucp_req_attr_field";
        let c_type = if named_type {
            name.to_owned()
        } else {
            format!("enum {name}")
        };
        self.line(&format!(
            "int complete_{name}({c_type} value) {{\n    switch (value) {{"
        ));
        for label in labels {
            self.line(&format!("    case {label}:"));
        }
        for label in LEFT_OUT.iter().filter(|_| name == "ucs_memory_type_t") {
            self.line(&format!("    case {label}:"));
        }
        self.line("        return 1;\n    }\n    return 0;\n}");
        self.complete_enums += 1;
    }

    /// Compiles the program against the headers in a folder, runs it, and reads what it prints.
    pub(crate) fn run(&self, include: &Path) -> Result<Vec<i64>, Failure> {
        let folder = tempfile::tempdir()
            .map_err(|error| Failure(format!("no temporary folder: {error}")))?;
        let (source, program) = (folder.path().join("probe.c"), folder.path().join("probe"));
        fs::write(&source, &self.source)
            .map_err(|error| Failure(format!("{}: {error}", source.display())))?;
        let mut compiler = Command::new("cc");
        compiler
            .args(["-std=gnu11", "-Werror=switch", "-I"])
            .arg(include)
            .arg(&source)
            .arg("-o")
            .arg(&program);
        let output = compiler.output();
        let output = output.map_err(|error| {
            Failure(format!(
                "the C compiler `cc` cannot be run ({error}): install one"
            ))
        })?;
        if !output.status.success() {
            let complaints = String::from_utf8_lossy(&output.stderr);
            let errors: Vec<&str> = complaints
                .lines()
                .filter(|line| line.contains("error:"))
                .collect();
            let headers = include.display();
            return Err(Failure(format!(
                "the headers in {headers} refuse the probe: {}",
                errors.join("; ")
            )));
        }
        let output = Command::new(&program).output();
        let output = output
            .map_err(|error| Failure(format!("{} cannot be run: {error}", program.display())))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let values: Result<_, _> = text.lines().map(str::parse).collect();
        values.map_err(|error| {
            Failure(format!(
                "the probe printed something else than numbers: {error}"
            ))
        })
    }
}
