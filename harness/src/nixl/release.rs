//! The known releases of NIXL, as data: package, version, checksums, the UCX inside, how they are driven.

use std::fmt;
use std::path::PathBuf;

use super::error::Error;
use super::installed::Installed;
use super::python::{self, Interpreter};

/// The ABI tag of the wheel that is fetched of a release with a C API. That and the plugins are the same in all wheels of a release, so
/// one tag, and one checksum, serves every machine whatever its Python.
pub const PYTHON_ABI: &str = "cp312";

/// A family of wheels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Package {
    /// `nixl-cu12`, the default.
    Cu12,
    /// `nixl-cu13`
    Cu13,
}

impl Package {
    /// Its name at the package index.
    pub fn pip_name(self) -> &'static str {
        match self {
            Package::Cu12 => "nixl-cu12",
            Package::Cu13 => "nixl-cu13",
        }
    }

    /// The name of its Python module, which its folders carry too.
    pub fn module(self) -> &'static str {
        match self {
            Package::Cu12 => "nixl_cu12",
            Package::Cu13 => "nixl_cu13",
        }
    }
}

/// How a release is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// By its Python module: the wheel has no C API.
    Python,
    /// By its C API.
    CApi {
        /// How many functions that has.
        functions: usize,
    },
}

impl Driver {
    /// How the NIXL that `spec` means is driven; `None`: there is no such NIXL.
    pub fn of(spec: &str) -> Option<Driver> {
        match Spec::parse(spec).ok()? {
            Spec::Release(release) => Some(release.driver),
            Spec::Folder(path) => {
                let installed = Installed::open(&path).ok()?;
                let functions = installed.capi_functions().ok()?.len();
                Some(match installed.capi {
                    Some(_) => Driver::CApi { functions },
                    None => Driver::Python,
                })
            }
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Driver::Python => f.write_str("Python"),
            Driver::CApi { functions } => write!(f, "C API ({functions})"),
        }
    }
}

/// A machine that wheels exist for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// x86-64
    X86_64,
    /// 64-bit Arm
    Aarch64,
}

impl Machine {
    /// The machine that this program was built for.
    pub fn here() -> Result<Machine, Error> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Machine::X86_64),
            "aarch64" => Ok(Machine::Aarch64),
            other => Err(Error::UnsupportedMachine {
                machine: other.to_owned(),
            }),
        }
    }

    /// Its name, as in a wheel's platform tag.
    pub fn name(self) -> &'static str {
        match self {
            Machine::X86_64 => "x86_64",
            Machine::Aarch64 => "aarch64",
        }
    }

    /// The platform tag of NIXL's wheels.
    pub fn platform(self) -> String {
        format!("manylinux_2_28_{}", self.name())
    }
}

/// One known release.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// Its package.
    pub package: Package,
    /// Its version.
    pub version: &'static str,
    /// The version that the UCX inside reports.
    pub ucx: &'static str,
    /// How it is driven.
    pub driver: Driver,
    sha256_x86_64: &'static str,
    sha256_aarch64: &'static str,
}

impl Release {
    /// Its wheel for a machine: for the Python that would drive it, if it has no C API and there is one that can.
    pub fn wheel(&'static self, machine: Machine) -> Wheel {
        let abi = match self.driver {
            Driver::CApi { .. } => None,
            Driver::Python => Interpreter::among(&python::abis(self)).map(|found| found.abi),
        };
        Wheel {
            release: self,
            machine,
            abi: abi.unwrap_or_else(|| PYTHON_ABI.to_owned()),
        }
    }

    /// What `--nixl` and `mock-ucx nixl fetch` call it.
    pub fn spec(&self) -> String {
        match self.package {
            Package::Cu12 => self.version.to_owned(),
            Package::Cu13 => format!("cu13:{}", self.version),
        }
    }

    /// A known release.
    pub fn find(package: Package, version: &str) -> Option<&'static Release> {
        RELEASES
            .iter()
            .find(|release| release.package == package && release.version == version)
    }
}

/// One wheel of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// The release.
    pub release: &'static Release,
    /// The machine that it is for.
    pub machine: Machine,
    /// The ABI tag of the Python that it is for.
    pub abi: String,
}

impl Wheel {
    /// Its checksum.
    pub fn sha256(&self) -> &'static str {
        let own = match self.machine {
            Machine::X86_64 => self.release.sha256_x86_64,
            Machine::Aarch64 => self.release.sha256_aarch64,
        };
        python::sha256(self.release, &self.abi, self.machine).unwrap_or(own)
    }

    /// The version of the Python that it is for.
    pub fn python_version(&self) -> String {
        python::version_of(&self.abi).unwrap_or_default()
    }

    /// Its file name.
    pub fn file_name(&self) -> String {
        let (module, version, abi) = (
            self.release.package.module(),
            self.release.version,
            &self.abi,
        );
        format!(
            "{module}-{version}-{abi}-{abi}-{}.whl",
            self.machine.platform()
        )
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package.pip_name(), self.version)
    }
}

/// The release that is tested unless another is asked for.
pub const DEFAULT_SPEC: &str = "1.5.1";

/// What a user means by a NIXL: a known release, or a folder with a built or unpacked one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// A release, to be fetched.
    Release(&'static Release),
    /// A folder, taken as it is.
    Folder(PathBuf),
}

impl Spec {
    /// Reads `1.5.1`, `cu13:1.5.1` or the path of a folder.
    pub fn parse(text: &str) -> Result<Spec, Error> {
        let (package, version) = match text.split_once(':') {
            Some(("cu12", version)) => (Package::Cu12, version),
            Some(("cu13", version)) => (Package::Cu13, version),
            _ => (Package::Cu12, text),
        };
        let version = version.strip_prefix('v').unwrap_or(version);
        if let Some(release) = Release::find(package, version) {
            return Ok(Spec::Release(release));
        }
        if std::path::Path::new(text).is_dir() {
            return Ok(Spec::Folder(PathBuf::from(text)));
        }
        if text.contains('/') {
            return Err(Error::NoFolder {
                path: PathBuf::from(text),
            });
        }
        Err(Error::UnknownRelease {
            asked: text.to_owned(),
            nearest: nearest(text),
        })
    }
}

/// The known releases whose specs look most like `text`.
fn nearest(text: &str) -> String {
    let mut specs: Vec<(f64, String)> = RELEASES
        .iter()
        .map(|release| (strsim::jaro_winkler(text, &release.spec()), release.spec()))
        .collect();
    specs.sort_by(|one, other| other.0.total_cmp(&one.0));
    let nearest: Vec<String> = specs.into_iter().take(3).map(|(_, spec)| spec).collect();
    nearest.join(", ")
}

/// A row of the table below.
pub(super) const fn release(
    package: Package,
    version: &'static str,
    ucx: &'static str,
    driver: Driver,
    sha256_x86_64: &'static str,
    sha256_aarch64: &'static str,
) -> Release {
    Release {
        package,
        version,
        ucx,
        driver,
        sha256_x86_64,
        sha256_aarch64,
    }
}

/// All known releases, oldest first: package, version, the UCX inside, driver, and the checksum of the
/// wheel for x86-64 and for aarch64.
#[rustfmt::skip]
pub static RELEASES: [Release; 32] = [
    release(Package::Cu12, "0.7.1", "1.19.0", Driver::Python,
        "759e29c9f75f35bcd0ff425c6ae116cae89aa05b08dad5d7ba9d2a01d2bd9711",
        "27426b763e3cc7d70b7abd507f9f25a47b8db61132e4a91152bf9feb05d2a93b"),
    release(Package::Cu13, "0.7.1", "1.19.0", Driver::Python,
        "d538d715f83e13b58ba1b48e730a20d876167cc90c93497baa78d25c5b83a9b4",
        "576433abda675a6eca45fa92abf6283bc615bc790275222e79c5016dd72a653a"),
    release(Package::Cu12, "0.8.0", "1.20.0", Driver::Python,
        "b8a2c65dec361e3af88699be465edd935f82793cf0d51d48cd5c60509725058f",
        "919e69e5c84def2c2954664e5d551359c27ec6d7295eaa3cb08531f076dab499"),
    release(Package::Cu13, "0.8.0", "1.20.0", Driver::Python,
        "acc58dffb6c012a7dc151f9bad05a5ebbe70265b3bfe0eaedb9cec8668c81cb8",
        "09741bc16f378203128a0548066baedf2edca74d7117f822249c2f5c1837de42"),
    release(Package::Cu12, "0.9.0", "1.20.0", Driver::Python,
        "c51e114f0b08d1ed308e2cc48389a70e295c13ed62603e08c6b59d7e39eea001",
        "94d2cbbebb8aaa6d3b89feb40046dc1a264e46e86626003c70e533a42ac6aa90"),
    release(Package::Cu13, "0.9.0", "1.20.0", Driver::Python,
        "ef0684442cf1d0f50e2958b29f1e4d956c38cfd2f85053b2b08f02eca63da8a6",
        "4481c208e1a7ea32b271ed5d7be90d4d40694583b5fbc1374aa62d95d176eb7d"),
    release(Package::Cu12, "0.10.0", "1.20.0", Driver::Python,
        "66a993d1f0cd63287e9f47d53c3c941cbbd344c4025c55d035611c706ce2ee16",
        "7bdc4f00dd4063634bfc6a3e01d0240f8184bbe94ace0d47f80361b26b2f2a03"),
    release(Package::Cu13, "0.10.0", "1.20.0", Driver::Python,
        "85a7b29d9e692b5d1147dc25c2243b0ab6f57cab73e23c7f8122fb412f0aedb6",
        "7ef090096816c86c38046ddf89d52d36584a9a9ace50dfb5a6bf30165cdb11d1"),
    release(Package::Cu12, "0.10.1", "1.20.0", Driver::CApi { functions: 96 },
        "26e59f9841985cf5b547202865036f84ae6dc23184789446fe5833e7499e21a9",
        "b4712c6e0f18f57fee34cd970faac01480f0caf12da33d4a40ef4e9096a4caf7"),
    release(Package::Cu13, "0.10.1", "1.20.0", Driver::CApi { functions: 96 },
        "322e4702606ad498a493d99a065af46c0c16ce84a4bed6495f85efab75670f0a",
        "909d00ffc1929ef45cd3cfa0cd3585999274c90a6bcf0799000677cf83a8f0e2"),
    release(Package::Cu12, "1.0.0", "1.20.0", Driver::CApi { functions: 96 },
        "d4347c489c930fc4c2f35693be14dd6c54f7d094639b29564f477396bad664ab",
        "8435786378e6c6481499b019454e51a4bf6f09d98729ab2607ded36cf9ac2b20"),
    release(Package::Cu13, "1.0.0", "1.20.0", Driver::CApi { functions: 96 },
        "ba78cf478fce2401b8fa3c8977d44172d500ee277af7a7bc1624693299ea8a3b",
        "ff95b44729aa64284a16a6e7b758ddd8c54dc2288f390ed2c8943976564d86ab"),
    release(Package::Cu12, "1.0.1", "1.21.0", Driver::CApi { functions: 96 },
        "0143bc14d7b969c7519639821c126d3ba47cbaf38281c5d85656a348f65e06a4",
        "e2fef21327f5ddf715e00b73ab7e1eac8cf8a529d18590f010cbbc22792e71a6"),
    release(Package::Cu13, "1.0.1", "1.21.0", Driver::CApi { functions: 96 },
        "f21e8abb0b4f3d4e2e09c15db1f8a798ee8402bf1542804b866b89b92cce951e",
        "461c18d6b0382772cfaffff8de30d47b1e20706741521bde6e367ccbbc37bb01"),
    release(Package::Cu12, "1.1.0", "1.21.0", Driver::CApi { functions: 96 },
        "cf270a5319f4feb80cedc7ae19029ef48eb4428f587bbcdcd3b787933430890b",
        "c9d4ef0b057c06e3fd7492b02605fb6cfb3d88c02d46ea7cdd3373b3050d2f79"),
    release(Package::Cu13, "1.1.0", "1.21.0", Driver::CApi { functions: 96 },
        "60cc00b12871d8c7d78c2385ad9380070424d5b07d3fe01680f222d6c4f1f428",
        "4e6031798b0a123d1821db698b1f9b3a1534c821af860ee0ef23601638c50d8f"),
    release(Package::Cu12, "1.2.0", "1.21.0", Driver::CApi { functions: 96 },
        "ca2f2c387e0bb7f448922212cf0d6485e051289cf9c1b67f1ee4cb2ffd327c51",
        "af1b3622caf5850b0b8618118090d50921d9ec3dbe506484886045a7c8108417"),
    release(Package::Cu13, "1.2.0", "1.21.0", Driver::CApi { functions: 96 },
        "3e1bc99e0e2b6411a4c4bf97af8ee1a79a45e9e37684f3fe4e3359a2b80a49c1",
        "acfe519beeb212a4deb893394257ae1c6d49e9267604d6615f37e0f31ef92a42"),
    release(Package::Cu12, "1.3.0", "1.21.0", Driver::CApi { functions: 96 },
        "7e85e8935e8c0802e9e823283e70fc05647274f4e59608b743a57285785753ef",
        "92610ea8945c00d916a2d797ac64b8759b9d3e6d6817b011dbe3cf8af70181be"),
    release(Package::Cu13, "1.3.0", "1.21.0", Driver::CApi { functions: 96 },
        "ac1a6604b3f7ef83aaaa4c2862db68c3fc0c2f05c9a724b777b1aca5b0936128",
        "5a35e3da86dc7ee7b863fd3f091d71a7b243d26776187d26885b10e2bb8ae89e"),
    release(Package::Cu12, "1.3.1", "1.21.0", Driver::CApi { functions: 96 },
        "e0f96d3b886bfc53b52014c5fca629038ab5a2aa43651b3d8ee614c4553a8580",
        "c6558f594a1db715911a600d45689ef23a1ef5d95e379751654a3e8295cec3e0"),
    release(Package::Cu13, "1.3.1", "1.21.0", Driver::CApi { functions: 96 },
        "62c874d58871f45cdd2ce049c3513db72717965e998aa84033055e91a644e372",
        "0671bf75a81e3662e8108b619a1616926e27422b093270d64d0256198f9a35fb"),
    release(Package::Cu12, "1.3.2", "1.21.0", Driver::CApi { functions: 96 },
        "ef8ccdffcd54978e8a799de59287efcb3af0b7ba3bf02e04bc4df4c842f1f569",
        "ea79ec205168cf819614127265ce1fff1e61d9d126d6d56cbd1ecaa29c980723"),
    release(Package::Cu13, "1.3.2", "1.21.0", Driver::CApi { functions: 96 },
        "22fcd7183b2cd831b3da781c9e9991c5f6ef77a238ee6b7ac05d42558ea469a9",
        "5c3f5c1265fcec50f608a56fe828fad892322a1170755cdade9cc37c6545bb73"),
    release(Package::Cu12, "1.4.0", "1.22.0", Driver::CApi { functions: 96 },
        "4397409a95fc305d9349474242266d60533a41e52ec4f640960e896688f80354",
        "c42f5f78ede880cb8af5cc33363aa6c390f66ccd7edc6b3f71718dee5dd4ecb1"),
    release(Package::Cu13, "1.4.0", "1.22.0", Driver::CApi { functions: 96 },
        "3e606fbe80c39ce14899726fad0cb0fec53c6bac9f34168492692c4166b2fabb",
        "b9184de88d5919d1ec82b61b398c59396af31e1e34e6e023db4b5f01c6f07171"),
    release(Package::Cu12, "1.4.1", "1.22.0", Driver::CApi { functions: 96 },
        "bc3d4f99c85375c7836beef3736f038473c183aca16cb115131c61eb7240ba33",
        "8e5e42176d521fa01a4d88366f51e5085a0037b049e8c6a1e5e46a46f0aa84c7"),
    release(Package::Cu13, "1.4.1", "1.22.0", Driver::CApi { functions: 96 },
        "ddaddc36b89d290c94a205fe546f7b6570b9e12edce192d5c4d381aa2e206af7",
        "07622a8db6043922ac5bda821755deb764375c7ff6f5802f4201fce2579d36a0"),
    release(Package::Cu12, "1.5.0", "1.23.0", Driver::CApi { functions: 104 },
        "91fe990d3d6b74f3d08ed5275c70251e40a5651e3a6435c0f048a8663e7e0832",
        "576c94ae74aa76f8d38b9050a431100f4c3a725ffebee5f8502dd5fdd35cddb3"),
    release(Package::Cu13, "1.5.0", "1.23.0", Driver::CApi { functions: 104 },
        "5d8d2d56439bdc91ed415098c05a74e4f577621104f940269bdcbf5411690d2b",
        "0a3f11e247122c6a3425d1b0f9da282bc1306329535a1d665a0f820b67dbc962"),
    release(Package::Cu12, "1.5.1", "1.23.0", Driver::CApi { functions: 104 },
        "a02005f84e498641b8fe02d058fdc6762c99edf7ae6430176d2d16fa57f4fb93",
        "98d4b169813a5110842aefc383ba3bf259a886cd09cc9d54c7a6db69bb36de4d"),
    release(Package::Cu13, "1.5.1", "1.23.0", Driver::CApi { functions: 104 },
        "ce48b601bad4c4503a5d9d418e6f4b1289a3a68e407af99f0f7e377f8371f49b",
        "dbccd0eacc919e8beeba036eb80a4eaa67b060c4d2c12d346797739397205369"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(text: &str) -> String {
        Spec::parse(text)
            .expect_err("there is no such release")
            .to_string()
    }

    #[test]
    fn every_release_is_found_by_its_own_spec() {
        for release in &RELEASES {
            assert_eq!(
                Spec::parse(&release.spec()).expect("it is known"),
                Spec::Release(release)
            );
        }
    }

    #[test]
    fn every_checksum_is_64_hex_digits_and_used_once() {
        let sums: Vec<&str> = RELEASES
            .iter()
            .flat_map(|r| [r.sha256_x86_64, r.sha256_aarch64])
            .collect();
        for sum in &sums {
            assert!(
                sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()),
                "{sum}"
            );
        }
        let distinct: std::collections::BTreeSet<&&str> = sums.iter().collect();
        assert_eq!(distinct.len(), sums.len());
    }

    #[test]
    fn an_unknown_release_names_the_nearest_and_the_command_that_lists_all() {
        let message = unknown("1.5.2");
        assert!(
            message.contains("1.5.1") && message.contains("mock-ucx nixl list"),
            "{message}"
        );
        assert!(
            unknown("cu13:1.9").contains("cu13:1."),
            "{}",
            unknown("cu13:1.9")
        );
    }

    #[test]
    fn a_path_that_is_no_folder_is_not_taken_for_a_release() {
        assert!(unknown("/nonexistent/nixl").contains("/nonexistent/nixl is not a folder"));
        assert_eq!(
            Spec::parse("/").expect("a folder"),
            Spec::Folder(PathBuf::from("/"))
        );
    }
}
