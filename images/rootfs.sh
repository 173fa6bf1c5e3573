#!/bin/sh
# rootfs.sh BINARY FOLDER [WEB-APP]: assembles the root file system of an image: the program, the dynamic libraries it
# needs, certificates, a user, third-party licenses, and the web app. The Dockerfile and the test cluster both use it, so their images are the same.
set -eu

binary=$1 root=$2 web=${3:-}
images=$(dirname "$0")
name=$(basename "$binary")
fail() {
  echo "rootfs.sh: $*" >&2
  exit 1
}

# Only the C and C++ runtime and its loader are allowed: other libraries indicate a wrong build.
allowed='^(linux-vdso|ld-linux.*|libc|libm|libdl|librt|libpthread|libgcc_s|libstdc\+\+)\.so'

libraries() {
  ldd "$binary" | awk '/=> \// {print $3} /^[[:space:]]*\// {print $1}'
}

copy_libraries() {
  for library in $(libraries); do
    basename "$library" | grep -Eq "$allowed" || fail "$name needs $library, which the image does not include; link it statically"
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
  done
}

[ -x "$binary" ] || fail "$binary is not built yet; run: cargo build --release"
[ -z "$web" ] || [ -f "$web/index.html" ] || fail "$web is not built yet; run in web/: npm ci && npm run build"
[ -r /etc/ssl/certs/ca-certificates.crt ] || fail "no CA certificates; install them with: apt-get install ca-certificates"

rm -rf "$root"
mkdir -p "$root/usr/bin" "$root/usr/share/doc/convene" "$root/etc/ssl/certs"
cp "$binary" "$root/usr/bin/$name"
copy_libraries
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp "$images/../LICENSE" "$root/usr/share/doc/convene/"
"$images/licenses.py" "$name" >"$root/usr/share/doc/convene/THIRD-PARTY-LICENSES" || fail "the licenses of $name's crates could not be listed"
echo 'convene:x:65532:65532::/:/sbin/nologin' >"$root/etc/passwd"
echo 'convene:x:65532:' >"$root/etc/group"
if [ -n "$web" ]; then
  mkdir -p "$root/usr/share/convene"
  cp -R "$web" "$root/usr/share/convene/web"
fi
# One mode for all files, independent of umask and checkout: the same content gives the same image everywhere.
chmod -R u=rwX,go=rX "$root"
