# `make deb`: three Debian packages by CPack: the command, the library, and what compiling against it
# needs. What is linked is found by dpkg-shlibdeps; what is loaded at its first use
# (src/base/dynlib.h) is named here, with the names of Debian 12 and 13.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME wfe)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The maintainers of wfe <wfe@localhost>")
set(CPACK_OUTPUT_FILE_PREFIX ${PROJECT_BINARY_DIR}/packages)
# wfe.pc names the prefix it is installed below, so files are installed for real, below DESTDIR.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL wfe libwfe libwfe-dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(library libwfe${PROJECT_VERSION_MAJOR})
set(loaded "libssl3 | libssl3t64, libarchive13 | libarchive13t64, libcurl4 | libcurl4t64")
string(APPEND loaded ", libfyaml0, libsqlite3-0, zlib1g")

set(CPACK_DEBIAN_WFE_PACKAGE_NAME wfe)
set(CPACK_DEBIAN_WFE_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_WFE_PACKAGE_DEPENDS "${loaded}")
set(CPACK_DEBIAN_WFE_PACKAGE_RECOMMENDS "containerd (>= 1.6), runc, ca-certificates")
set(CPACK_DEBIAN_WFE_DESCRIPTION "run steps of workflows as containers, straight over containerd
wfe runs the steps of CI and build workflows as OCI containers by talking
gRPC to containerd itself, with no docker, nerdctl or Kubernetes in between.")

set(CPACK_DEBIAN_LIBWFE_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_LIBWFE_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBWFE_PACKAGE_DEPENDS "${loaded}")
set(CPACK_DEBIAN_LIBWFE_DESCRIPTION "run steps of workflows as containers (library)
The library of wfe: steps as OCI containers, straight over containerd's API,
from C or any language with a C ABI.")

set(CPACK_DEBIAN_LIBWFE-DEV_PACKAGE_NAME libwfe-dev)
set(CPACK_DEBIAN_LIBWFE-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBWFE-DEV_PACKAGE_SHLIBDEPS OFF)
# The static library's own, as wfe.pc says.
set(CPACK_DEBIAN_LIBWFE-DEV_PACKAGE_DEPENDS
    "${library} (= ${PROJECT_VERSION}), libnghttp2-dev, libprotobuf-c-dev, libuv1-dev, libjansson-dev, nettle-dev")
set(CPACK_DEBIAN_LIBWFE-DEV_DESCRIPTION "run steps of workflows as containers (development files)
Headers, the static library and the pkg-config file of libwfe.")

foreach(package wfe ${library} libwfe-dev)
  string(REGEX REPLACE "^libwfe[0-9]+$" libwfe component ${package})
  install(
    FILES ${PROJECT_SOURCE_DIR}/cmake/copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package}
    COMPONENT ${component}
    EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
