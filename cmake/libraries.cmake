# Libraries of the system. libcrypto, libssl and libarchive are loaded at their first use
# (src/base/dynlib.h), so only their headers are needed here.
find_package(PkgConfig REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(OPENSSL REQUIRED libssl>=3.0 libcrypto>=3.0)
pkg_check_modules(ARCHIVE REQUIRED libarchive>=3.6)
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_C protoc-gen-c REQUIRED)
set(WFE_LINK_LIBRARIES PkgConfig::NGHTTP2 PkgConfig::PROTOBUFC PkgConfig::UV PkgConfig::JANSSON
                       ${CMAKE_DL_LIBS})
