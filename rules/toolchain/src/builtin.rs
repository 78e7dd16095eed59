//! What is known without a lock: versions of the compiler and one of Bun, with the integrity of every package of each.

use std::collections::BTreeMap;

use nodejs_semver::{Range, Version};

use super::integrity::Integrity;
use super::lock::LockedTool;
use super::resolve::{BUN, TYPESCRIPT};

/// The version of TypeScript that a workspace gets that says nothing of one.
pub const BUILT_IN_VERSION: &str = "7.0.2";

/// One version of a tool.
#[derive(Debug)]
struct Release {
    version: &'static str,
    /// Its packages by name, sorted, with the registry's `dist.integrity`.
    packages: &'static [(&'static str, &'static str)],
}

/// The newest patch of each minor version of TypeScript, sorted by version. Since 7 there is a native package for each platform.
const TYPESCRIPT_RELEASES: &[Release] = &[
    Release {
        version: "5.0.4",
        packages: &[(
            "typescript",
            "sha512-cW9T5W9xY37cc+jfEnaUvX91foxtHkza3Nw3wkoF4sSlKn0MONdkdEndig/qPBWXNkmplh3NzayQzCiHM4/hqw==",
        )],
    },
    Release {
        version: "5.1.6",
        packages: &[(
            "typescript",
            "sha512-zaWCozRZ6DLEWAWFrVDz1H6FVXzUSfTy5FUMWsQlU8Ym5JP9eO4xkTIROFCQvhQf61z6O/G6ugw3SgAnvvm+HA==",
        )],
    },
    Release {
        version: "5.2.2",
        packages: &[(
            "typescript",
            "sha512-mI4WrpHsbCIcwT9cF4FZvr80QUeKvsUsUvKDoR+X/7XHQH98xYD8YHZg7ANtz2GtZt/CBq2QJ0thkGJMHfqc1w==",
        )],
    },
    Release {
        version: "5.3.3",
        packages: &[(
            "typescript",
            "sha512-pXWcraxM0uxAS+tN0AG/BF2TyqmHO014Z070UsJ+pFvYuRSq8KH8DmWpnbXe0pEPDHXZV3FcAbJkijJ5oNEnWw==",
        )],
    },
    Release {
        version: "5.4.5",
        packages: &[(
            "typescript",
            "sha512-vcI4UpRgg81oIRUFwR0WSIHKt11nJ7SAVlYNIu+QpqeyXP+gpQJy/Z4+F0aGxSE4MqwjyXvW/TzgkLAx2AGHwQ==",
        )],
    },
    Release {
        version: "5.5.4",
        packages: &[(
            "typescript",
            "sha512-Mtq29sKDAEYP7aljRgtPOpTvOfbwRWlS6dPRzwjdE+C0R4brX/GUyhHSecbHMFLNBLcJIPt9nl9yG5TZ1weH+Q==",
        )],
    },
    Release {
        version: "5.6.3",
        packages: &[(
            "typescript",
            "sha512-hjcS1mhfuyi4WW8IWtjP7brDrG2cuDZukyrYrSauoXGNgx0S7zceP07adYkJycEr56BOUTNPzbInooiN3fn1qw==",
        )],
    },
    Release {
        version: "5.7.3",
        packages: &[(
            "typescript",
            "sha512-84MVSjMEHP+FQRPy3pX9sTVV/INIex71s9TL2Gm5FG/WG1SqXeKyZ0k7/blY/4FdOzI12CBy1vGc4og/eus0fw==",
        )],
    },
    Release {
        version: "5.8.3",
        packages: &[(
            "typescript",
            "sha512-p1diW6TqL9L07nNxvRMM7hMMw4c5XOo/1ibL4aAIGmSAt9slTE1Xgw5KWuof2uTOvCg9BY7ZRi+GaF+7sfgPeQ==",
        )],
    },
    Release {
        version: "5.9.3",
        packages: &[(
            "typescript",
            "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
        )],
    },
    Release {
        version: "6.0.3",
        packages: &[(
            "typescript",
            "sha512-y2TvuxSZPDyQakkFRPZHKFm+KKVqIisdg9/CZwm9ftvKXLP8NRWj38/ODjNbr43SsoXqNuAisEf1GdCxqWcdBw==",
        )],
    },
    Release { version: BUILT_IN_VERSION, packages: NATIVE },
];

const NATIVE: &[(&str, &str)] = &[
    (
        "@typescript/typescript-aix-ppc64",
        "sha512-MTKKkWB7p/0E9xi1d1tHtZ5PiLkGEMIq88pK2CubZjOsLtYTLqhgIgi6zepFa+9GHZ6h05NMCkQxGKiPXMxXtQ==",
    ),
    (
        "@typescript/typescript-darwin-arm64",
        "sha512-gowzar9MwS/aRWp6f3a4KUqzRjAZjOsmGNCM6LcTgXum+dBfgsBVMN+AgvOCCbguXyick6LJhpBszxMebJ8syA==",
    ),
    (
        "@typescript/typescript-darwin-x64",
        "sha512-SZ9xZInqApNlNGc9s0W1VSsktYSOe9cFqNOIqmN1Gs8SmkjKZYFt017G4VwPxASInODuAdbTW7sXiFUf893RgA==",
    ),
    (
        "@typescript/typescript-freebsd-arm64",
        "sha512-W5NH4y/J0plIIS5b2xvTEkU7JFxyqdMAOgf+Ilhl0vHQXKO5dZoxd+C/jEtq56c4F3wk71RB4BMRQ2XdI+bwYQ==",
    ),
    (
        "@typescript/typescript-freebsd-x64",
        "sha512-UMGDx5sTpzNw3WiPebH7l90IWfJggEd+egHt/q6p7/Cm3zqoV7VxkGXt+3DxPIw8CcmvAB0j3sVVfbhX+M4Tpw==",
    ),
    (
        "@typescript/typescript-linux-arm",
        "sha512-gffT3xPz9sR7j/YJExkyPntrI0P2EP9XbOyWzth2/Gs0RstK+90RBcO0ncXoXy/beYll1SXw846Nf2zdnEz0QQ==",
    ),
    (
        "@typescript/typescript-linux-arm64",
        "sha512-Qh4eU4/y3yDjnfjjyPYihMj5/ODIlmt+Bzu17OI+fiSRDW57QmU5SiN63exPRNJPKUzcc1INa1NXdrJ+MqHjUQ==",
    ),
    (
        "@typescript/typescript-linux-loong64",
        "sha512-uEHck9i8hoAzXPiYRib1O7miOnz23SxIeVl6F4LXox+qov1K35jHcEW6VHKvZI+pyvl7fZEP4MCU5LYvIq1GuQ==",
    ),
    (
        "@typescript/typescript-linux-mips64el",
        "sha512-R4KvAMnE43W5Qeqb0Ly56O3mWMWIAgsMyz36DCaycd5nbg/9kzm0liw3JocfRqyJY0KPmzFjbswozXyW0DnIYA==",
    ),
    (
        "@typescript/typescript-linux-ppc64",
        "sha512-DORx5b3sd/4S7eayxm4FQv+A7CrkUIGRaHiwI8oiHTAI1fAPWhF4J0vAlkC8biAlHSVVwxMQ3tjZ2/DVbnQiiA==",
    ),
    (
        "@typescript/typescript-linux-riscv64",
        "sha512-wf0jqEDOjrPRnKwYRyyJDRo11KMbvMFrU+q4zqKyChODBzvlkbhNQfKvLxQCcwTpdDaXSHZTVuh0JoCrKCUMHQ==",
    ),
    (
        "@typescript/typescript-linux-s390x",
        "sha512-IkwJc3L7yhytWd/ewjyxNDfOmswCm9GWMJT/ue/dU4aZNbwZeYAetq42VyLmsmSjvoX7z74X6ZaYCtzAr0EuGw==",
    ),
    (
        "@typescript/typescript-linux-x64",
        "sha512-EYdf2cNg7rgCWJnxCdJ+F3V39O8ihb37eHAu1LK8oAFizgTQbPOK7zHHXbPt8rX24COqODXeI3sIf0fCXG7H/A==",
    ),
    (
        "@typescript/typescript-netbsd-arm64",
        "sha512-+polYF4MF04aPpO5FTkHran9yUQDSXqy5GiSDKpsll5jy3l3+g9QLhpf39T+ePtefhXLOGrLl0QIjkQP6VnelA==",
    ),
    (
        "@typescript/typescript-netbsd-x64",
        "sha512-8YIT0EHM/3dq10ZOVF/A7pc/YSMtbcecct4rWtexrnSCHOPcpC2KTLXfTCR6vDpnSiY12heNb1GiN/wu+T/FyA==",
    ),
    (
        "@typescript/typescript-openbsd-arm64",
        "sha512-APT8+ClYnuYm1u9+kgGXoMj2VzWzcymwh2gNSQVySHfkRDGOTVkoWLjCmOQSaO+PoqQ57B0flRp9SA+7GnnkzQ==",
    ),
    (
        "@typescript/typescript-openbsd-x64",
        "sha512-yX7s+Q0Dln0Dt9tEzZsAjXXR/+ytBM7AlglaqyeMPxQszJ1JhlJdZ6jLA+IzldHtflX81em7lDao1xXu+aRRkg==",
    ),
    (
        "@typescript/typescript-sunos-x64",
        "sha512-dLJDGaLZ1D4HPQn62u1n8mBDkJREwMsAkCdkwd4Ieqw+x3TUyTsqY0YiBCtE6H6OzzgGk3iuZ3vFWRS+E8/d1g==",
    ),
    (
        "@typescript/typescript-win32-arm64",
        "sha512-Gyl1Vy6OsWesLzmq+EP0Fb7b4Nid5232AvcA2SFcdYreldpNtYFFofPjnt62y9hQy7VTaZp65ICJjuAQRaVcIQ==",
    ),
    (
        "@typescript/typescript-win32-x64",
        "sha512-0BQ3HkAHHlKLSp1qRvf3SUhGpGsDuhB/jgFw75guyqbxJqEaS0Cw/VFO8i2nHglJUzQCRtMMR/IBAKE3ETMC4g==",
    ),
    ("typescript", "sha512-8FYau96o3NKOhbjKi/qNvG/W5jhzxkbdm5sj9AbZ/5T5sWqn3hJgLfGx27sRKZWTvyzCP8dLRBTf5tBTSRVUNA=="),
];

/// The Bun that runs a compiler written in JavaScript where there is neither Node nor Bun.
const BUN_RELEASE: Release = Release {
    version: "1.4.5",
    packages: &[
        (
            "@oven/bun-darwin-aarch64",
            "sha512-4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==",
        ),
        (
            "@oven/bun-darwin-x64",
            "sha512-qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==",
        ),
        (
            "@oven/bun-darwin-x64-baseline",
            "sha512-zqfLA5A4B+hYMh5WYzYSot3uZ06FzhdP0OEwQisEzdirYtXGj5cQFlfy31BGfNsAsk1Gd/w/OxJ/jqqJ3cMclw==",
        ),
        (
            "@oven/bun-freebsd-aarch64",
            "sha512-limWGUkd7wNKh9X/KJa4RyPMTdZsI+sqs7KmAWc/zFllRe5BSlN71ZfAVSYDDJMUJUQUvDdAMywH5zYkYrfUzQ==",
        ),
        (
            "@oven/bun-freebsd-x64",
            "sha512-LahCo0mJJzscE0PUKO8FXdFiOc2vqt9zhf35gSFAVemeCn88idDWpp/rhNcnEsHWMhf5GMXxGJA5D9deTmzW1g==",
        ),
        (
            "@oven/bun-linux-aarch64",
            "sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
        ),
        (
            "@oven/bun-linux-aarch64-musl",
            "sha512-XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==",
        ),
        (
            "@oven/bun-linux-x64",
            "sha512-IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
        ),
        (
            "@oven/bun-linux-x64-baseline",
            "sha512-s8yMwYcFnnrA178gji0gZbkE2WVDej/Ti1x770oPfihxyRxSMNhGhiAQNXV53aDeraZxksdvKV/RAdQBCd0qPA==",
        ),
        (
            "@oven/bun-linux-x64-musl",
            "sha512-10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==",
        ),
        (
            "@oven/bun-linux-x64-musl-baseline",
            "sha512-cWJhU8h0+MiUgpSt99sQhjxLIIosKEcKYdtKddohokUvAuN6jKOy7g7+QDTZTXtwHxz93wL3BX+L6wXVPDUH3A==",
        ),
        (
            "@oven/bun-windows-aarch64",
            "sha512-MiPFZnBNDnBXgr1oONc5pizC4fOLjnIOfNkYdFEnWzLmoFTg86naZIG3SvS7d/GglpQSAnCKMAzSjI/TAckiRw==",
        ),
        (
            "@oven/bun-windows-x64",
            "sha512-FNvply651vcE/GHgNWz6mZvhmkwBuu8Hw54oNzA+CQog+HW+542rXQmZqNHRkFxazD9L3xi+iTtvO3engAgJfw==",
        ),
        (
            "@oven/bun-windows-x64-baseline",
            "sha512-/U3Dc74uGqE6EUqef7mPtg9KwJs7iJH4JHRMfIZIn18MrJh6Xz4gVvWDXRvzCL2j8wPlTnJVyrO4n7Qq4uM7TQ==",
        ),
    ],
};

impl Release {
    fn integrity(&self, name: &str) -> Option<Integrity> {
        let index = self.packages.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
        self.packages[index].1.parse().ok()
    }
}

fn releases(tool: &str) -> &'static [Release] {
    match tool {
        TYPESCRIPT => TYPESCRIPT_RELEASES,
        BUN => std::slice::from_ref(&BUN_RELEASE),
        _ => &[],
    }
}

/// The integrity of a package of one version of a tool.
pub fn built_in(tool: &str, version: &str, name: &str) -> Option<Integrity> {
    releases(tool).iter().find(|release| release.version == version)?.integrity(name)
}

/// The versions of a tool that a range of npm allows, newest first.
pub(super) fn allowed<'r>(tool: &str, range: &'r Range) -> impl Iterator<Item = &'static str> + use<'r> {
    let versions = releases(tool).iter().rev().map(|release| release.version);
    versions.filter(|version| Version::parse(version).is_ok_and(|version| range.satisfies(&version)))
}

/// What `webstir.lock` says of the newest version of a tool, without asking a registry.
pub fn built_in_lock(tool: &str) -> Option<LockedTool> {
    let release = releases(tool).last()?;
    let packages = release.packages.iter().map(|(name, _)| Some(((*name).to_owned(), release.integrity(name)?)));
    Some(LockedTool { version: release.version.to_owned(), packages: packages.collect::<Option<BTreeMap<_, _>>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_well_formed() {
        assert_eq!(NATIVE.len(), 21);
        for tool in [TYPESCRIPT, BUN] {
            for release in releases(tool) {
                for (name, integrity) in release.packages {
                    assert_eq!(built_in(tool, release.version, name).unwrap().to_string(), *integrity);
                }
            }
        }
        assert_eq!(built_in(TYPESCRIPT, BUILT_IN_VERSION, "@typescript/typescript-plan9-x64"), None);
        assert_eq!(built_in_lock(BUN).unwrap().packages.len(), 14);
    }

    #[test]
    fn versions_are_sorted() {
        let versions: Vec<_> =
            releases(TYPESCRIPT).iter().map(|known| Version::parse(known.version).unwrap()).collect();
        assert!(versions.is_sorted());
        assert_eq!(releases(TYPESCRIPT).last().unwrap().version, BUILT_IN_VERSION);
    }
}
