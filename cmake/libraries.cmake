# Libraries of the system. libssl, libarchive, libcurl, libfyaml and libsqlite3 are loaded at their
# first use (src/base/dynlib.h), so only their headers are needed here.
find_package(PkgConfig REQUIRED)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2>=1.52)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c>=1.4)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv>=1.44)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.14)
pkg_check_modules(NETTLE REQUIRED IMPORTED_TARGET nettle>=3.8)
pkg_check_modules(OPENSSL REQUIRED libssl>=3.0 libcrypto>=3.0)
pkg_check_modules(ARCHIVE REQUIRED libarchive>=3.6)
pkg_check_modules(CURL REQUIRED libcurl>=7.88)
pkg_check_modules(FYAML REQUIRED libfyaml>=0.7.12)
pkg_check_modules(SQLITE REQUIRED sqlite3>=3.40)
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_C protoc-gen-c REQUIRED)
# The command takes the five into itself where their archives are installed: finding and binding
# them anew at each start is a tenth of the processor time of a short step. libwfe, which others
# link, leaves them shared.
option(WFE_STATIC_LIBRARIES "link the wfe command against the archives of its libraries" ON)
set(WFE_LIBRARY_ARCHIVES)
if(WFE_STATIC_LIBRARIES)
  foreach(names "libnghttp2.a" "libprotobuf-c.a" "libuv_a.a;libuv.a" "libjansson.a"
          "libnettle.a")
    list(GET names 0 first)
    string(MAKE_C_IDENTIFIER "WFE_ARCHIVE_${first}" variable)
    find_library(${variable} NAMES ${names})
    if(${variable})
      list(APPEND WFE_LIBRARY_ARCHIVES ${${variable}})
    endif()
  endforeach()
endif()
set(WFE_LINK_LIBRARIES
    "$<$<BOOL:$<TARGET_PROPERTY:WFE_TAKES_ARCHIVES>>:${WFE_LIBRARY_ARCHIVES}>" PkgConfig::NGHTTP2
    PkgConfig::PROTOBUFC PkgConfig::UV PkgConfig::JANSSON PkgConfig::NETTLE ${CMAKE_DL_LIBS})
