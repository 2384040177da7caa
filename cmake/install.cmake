# What `cmake --install` puts where. wfe.pc is written then and not before, since the prefix may be
# given as late as that (make install PREFIX=...).
# The components are the packages of `make deb`.
install(TARGETS wfe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT wfe)
install(
  TARGETS wfe_shared
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          COMPONENT libwfe
          NAMELINK_COMPONENT libwfe-dev)
install(TARGETS wfe_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT libwfe-dev)
install(
  DIRECTORY ${PROJECT_SOURCE_DIR}/include/wfe
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT libwfe-dev
  FILES_MATCHING PATTERN "*.h")

# Debian's libuv has a pkg-config name of its own for the static library.
pkg_check_modules(UV_STATIC QUIET libuv-static)
if(UV_STATIC_FOUND)
  set(uv libuv-static)
else()
  set(uv libuv)
endif()
set(pc ${PROJECT_BINARY_DIR}/wfe.pc)
install(
  CODE "
set(PROJECT_VERSION \"${PROJECT_VERSION}\")
set(WFE_PREFIX \"\${CMAKE_INSTALL_PREFIX}\")
cmake_path(ABSOLUTE_PATH WFE_PREFIX NORMALIZE)
set(WFE_LIBDIR \"${CMAKE_INSTALL_LIBDIR}\")
set(WFE_INCLUDEDIR \"${CMAKE_INSTALL_INCLUDEDIR}\")
foreach(folder WFE_LIBDIR WFE_INCLUDEDIR)
  if(NOT IS_ABSOLUTE \"\${\${folder}}\")
    set(\${folder} \"\\\${prefix}/\${\${folder}}\")
  endif()
endforeach()
set(WFE_REQUIRES_PRIVATE \"libnghttp2 libprotobuf-c ${uv} jansson nettle\")
set(WFE_LIBS_PRIVATE \"-ldl -lpthread\")
configure_file(\"${PROJECT_SOURCE_DIR}/cmake/wfe.pc.in\" \"${pc}\" @ONLY)
"
  COMPONENT libwfe-dev)
install(FILES ${pc} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libwfe-dev)
