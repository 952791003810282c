"""The Android library, built and tested by Maven on Robolectric."""

from __future__ import annotations

import re
import textwrap
import zipfile
from pathlib import Path

import pytest

from conformance import toolchain
from conformance.sdks import BUILD_JAVA, ROOT, missing_programs

GUIDE = ROOT.parent / "docs" / "clients" / "android.md"
# What the guide's code takes from an app's resources, and from Google's SDK, which Maven Central does not have.
ELSEWHERE = {
    "R": "public class R { public static class drawable { public static int ic_notification; } }",
    "com.google.android.gms.common.ConnectionResult": "public class ConnectionResult { public static int SUCCESS; }",
    "com.google.android.gms.common.GoogleApiAvailability": """public class GoogleApiAvailability {
        public static GoogleApiAvailability getInstance() { return null; }
        public int isGooglePlayServicesAvailable(android.content.Context context) { return 0; }
    }""",
    "com.google.android.gms.tasks.OnSuccessListener": "public interface OnSuccessListener<T> { void onSuccess(T it); }",
    "com.google.android.gms.tasks.Task": """public abstract class Task<T> {
        public abstract Task<T> addOnSuccessListener(OnSuccessListener<? super T> listener);
    }""",
    "com.google.firebase.messaging.FirebaseMessaging": """public class FirebaseMessaging {
        public static FirebaseMessaging getInstance() { return null; }
        public com.google.android.gms.tasks.Task<String> getToken() { return null; }
    }""",
    "com.google.firebase.messaging.RemoteMessage": """public class RemoteMessage {
        public java.util.Map<String, String> getData() { return null; }
    }""",
    "com.google.firebase.messaging.FirebaseMessagingService": """public class FirebaseMessagingService {
        public void onNewToken(String token) {}
        public void onMessageReceived(RemoteMessage message) {}
    }""",
}


@pytest.fixture(scope="module")
def archive() -> Path:
    """Build the library, with its tests; returns the archive that apps use."""
    if reason := missing_programs("java", "mvn"):
        pytest.skip(reason)
    toolchain.build(BUILD_JAVA)
    toolchain.run(["mvn", "-B", "-q", "-f", "android/pom.xml", "package"])
    return ROOT / "android" / "target" / "mps-device-android.aar"


def test_the_archive_has_what_an_app_needs(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    assert {"AndroidManifest.xml", "classes.jar", "libs/mps-device.jar", "proguard.txt", "R.txt"} <= names
    assert {"res/xml/mps_backup_rules.xml", "res/xml/mps_data_extraction_rules.xml"} <= names


def test_the_guides_code_compiles(archive: Path, tmp_path: Path) -> None:
    found = re.findall(r"^( *)```java\n(.*?)^ *```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    blocks = [textwrap.dedent(code) for _, code in found]
    sources = {name[1]: code for code in blocks if (name := re.search(r"public class (\w+)", code))}
    statements = "".join(code for code in blocks if "class " not in code)
    sources["Statements"] = f"import mps.device.android.*; class Statements {{ void run() {{ {statements} }} }}"
    assert {"App", "FcmBridge", "FcmService"} < set(sources)
    for full_name, code in ELSEWHERE.items():
        package, _, simple = full_name.rpartition(".")
        sources[simple] = f"package {package}; {code}" if package else code
    for simple, code in sources.items():
        (tmp_path / f"{simple}.java").write_text(code)
    built = archive.parent
    classpath = f"{built / 'classes'}:{(built / 'classpath.txt').read_text().strip()}"
    files = [str(path) for path in tmp_path.glob("*.java")]
    toolchain.run(["javac", "-proc:none", "-implicit:none", "-cp", classpath, "-d", str(tmp_path), *files], tmp_path)
