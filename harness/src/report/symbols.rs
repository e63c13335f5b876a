//! Names the functions that return addresses lie in, from the symbol tables of their modules.
//!
//! NIXL's wheels carry `.symtab` and no debug information: the table names 97-98 % of their code,
//! the dynamic symbols alone 16-79 %. Reading one takes 2-3 ms, so it is done for modules of
//! which a frame is printed, once.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use mock_ucx::ledger::read::Module;
use object::{Object, ObjectSymbol, SymbolKind};

use super::frames::Frame;

/// How many symbols that begin before an address are tried for one that contains it. Symbols nest
/// (an assembler's local entry points), but not deeper than this.
const ENCLOSING_TRIED_MAX: usize = 8;

/// Names frames; keeps the symbol tables that it has read.
#[derive(Default)]
pub struct Symbolizer {
    tables: HashMap<(PathBuf, Vec<u8>), Option<Arc<Table>>>,
}

/// Functions of NIXL's Python module that only hand a call on begin so: they tell nothing, at length.
const BINDING_GLUE: &str = "pybind11";

impl Symbolizer {
    /// One that has read no table yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the frames of a stack, given by its return addresses; `modules` in the order in
    /// which they were mapped, so that of two at one place the later one counts.
    pub fn frames(&mut self, modules: &[Module], stack: &[u64]) -> Vec<Frame> {
        let module_of = |pc: u64| {
            let holds = |module: &&Module| (module.start..module.end).contains(&(pc - 1));
            modules.iter().rev().find(holds)
        };
        stack
            .iter()
            .filter(|pc| **pc != 0)
            .map(|&pc| match module_of(pc) {
                Some(module) => self.frame(module, pc),
                None => Frame::in_no_module(pc),
            })
            .collect()
    }

    /// Names one frame by its return address. The frame has no function if the module's file is
    /// gone or another one by now, or its table does not cover the address.
    pub fn frame(&mut self, module: &Module, pc: u64) -> Frame {
        let path = Path::new(&module.path);
        let address = pc.wrapping_sub(module.bias);
        let table = self.table(path, &module.build_id);
        // A call may be a function's last instruction: what it returns to is another function's.
        let found = table.as_deref().and_then(|table| {
            let symbol = table.find(address.wrapping_sub(1))?;
            Some((demangle(table.name_of(symbol)), symbol))
        });
        match found {
            Some((function, symbol)) => {
                let frame = Frame::in_module(path, address);
                Frame {
                    in_nixl: frame.in_nixl && !function.starts_with(BINDING_GLUE),
                    function: Some(function),
                    offset: address - symbol.start,
                    exported: symbol.exported,
                    ..frame
                }
            }
            None => Frame::in_module(path, address),
        }
    }

    fn table(&mut self, path: &Path, build_id: &[u8]) -> Option<Arc<Table>> {
        let key = (path.to_owned(), build_id.to_owned());
        self.tables
            .entry(key)
            .or_insert_with(|| Table::read(path, build_id).map(Arc::new))
            .clone()
    }
}

/// One function of a module's file.
#[derive(Clone, Copy)]
struct Symbol {
    start: u64,
    end: u64,
    exported: bool,
    /// Where its name lies in the file.
    name: (usize, usize),
}

/// The functions of one file, by address.
struct Table {
    file: Mmap,
    symbols: Vec<Symbol>,
}

impl Table {
    /// Reads a file's tables; `None` if it cannot be read or is not the one that was mapped.
    fn read(path: &Path, build_id: &[u8]) -> Option<Self> {
        let file = File::open(path).ok()?;
        // SAFETY: installed libraries are replaced by renaming, not written to; should one be
        // truncated while it is read, this process ends, as any that has it loaded.
        let file = unsafe { Mmap::map(&file) }.ok()?;
        let object = object::File::parse(&*file).ok()?;
        let id_of_file = object.build_id().ok().flatten().unwrap_or_default();
        if id_of_file != build_id {
            return None;
        }
        let symbols = functions(&object, &file);
        Some(Self { symbols, file })
    }

    fn name_of(&self, symbol: &Symbol) -> &[u8] {
        &self.file[symbol.name.0..symbol.name.1]
    }

    /// The innermost function that contains an address of the file.
    fn find(&self, address: u64) -> Option<&Symbol> {
        let after = self
            .symbols
            .partition_point(|symbol| symbol.start <= address);
        self.symbols[..after]
            .iter()
            .rev()
            .take(ENCLOSING_TRIED_MAX)
            .find(|symbol| address < symbol.end)
    }
}

/// All functions of a file by address, each under one of its names.
fn functions(object: &object::File<'_>, file: &[u8]) -> Vec<Symbol> {
    let mut candidates: Vec<(Rank, Symbol)> = Vec::new();
    let dynamic = object.dynamic_symbols().map(|symbol| (symbol, true));
    let all = dynamic.chain(object.symbols().map(|symbol| (symbol, false)));
    for (symbol, exported) in all {
        if symbol.kind() != SymbolKind::Text || symbol.is_undefined() {
            continue;
        }
        let Some(name) = symbol
            .name_bytes()
            .ok()
            .and_then(|name| place_of(name, file))
        else {
            continue;
        };
        let rank = Rank {
            start: symbol.address(),
            internal: !exported,
            local: !symbol.is_global(),
            name_length: name.1 - name.0,
            name: file[name.0..name.1].to_vec(),
        };
        let entry = Symbol {
            start: symbol.address(),
            end: symbol.address().saturating_add(symbol.size()),
            exported,
            name,
        };
        candidates.push((rank, entry));
    }
    candidates.sort_by(|(a, _), (b, _)| a.cmp(b));
    candidates.dedup_by_key(|(rank, _)| rank.start);
    let mut symbols: Vec<Symbol> = candidates.into_iter().map(|(_, symbol)| symbol).collect();
    end_sizeless(&mut symbols);
    symbols
}

/// The order of symbols: by address, and of several at one address the one to show first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    start: u64,
    internal: bool,
    local: bool,
    name_length: usize,
    name: Vec<u8>,
}

/// Lets functions without a size, which assemblers write, reach up to the next one.
fn end_sizeless(symbols: &mut [Symbol]) {
    let mut next_start = None;
    for symbol in symbols.iter_mut().rev() {
        if symbol.end == symbol.start {
            symbol.end = next_start.unwrap_or(symbol.start);
        }
        next_start = Some(symbol.start);
    }
}

/// Where in the file a name lies that was read from it; none for an empty name.
fn place_of(name: &[u8], file: &[u8]) -> Option<(usize, usize)> {
    let start = (name.as_ptr() as usize).checked_sub(file.as_ptr() as usize)?;
    let end = start.checked_add(name.len())?;
    (!name.is_empty() && end <= file.len()).then_some((start, end))
}

/// A symbol's name as people write it: C++ without parameters, Rust without its hash, and none of
/// the suffixes by which compilers tell the pieces of one function apart.
fn demangle(symbol: &[u8]) -> String {
    let symbol = String::from_utf8_lossy(symbol);
    if let Ok(rust) = rustc_demangle::try_demangle(&symbol) {
        return format!("{rust:#}");
    }
    let unversioned = symbol.split('@').next().unwrap_or(&symbol);
    let whole = match unversioned.find('.') {
        Some(at @ 1..) => &unversioned[..at],
        _ => unversioned,
    };
    let options = cpp_demangle::DemangleOptions::new()
        .no_params()
        .no_return_type();
    cpp_demangle::Symbol::new(whole)
        .ok()
        .and_then(|symbol| symbol.demangle_with_options(&options).ok())
        // The mark of the library's current string type says nothing to people.
        .map(|name| name.replace("[abi:cxx11]", ""))
        .unwrap_or_else(|| whole.to_owned())
}

#[cfg(test)]
mod tests;
