# Man pages and completions, written from the tables of options.
add_executable(write-manual ${PROJECT_SOURCE_DIR}/src/cli/man/manual.c)
target_link_libraries(write-manual PRIVATE wfe_cli)

set(folder ${PROJECT_BINARY_DIR}/manual)
add_custom_command(
  OUTPUT ${folder}/stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${folder}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}/man1
  COMMAND write-manual ${folder}
  COMMAND ${CMAKE_COMMAND} -E touch ${folder}/stamp
  DEPENDS write-manual
  COMMENT "Writing man pages and completions"
  VERBATIM)
add_custom_target(manual ALL DEPENDS ${folder}/stamp)

install(DIRECTORY ${folder}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT wfe)
install(
  FILES ${folder}/wfe
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  COMPONENT wfe)
install(
  FILES ${folder}/_wfe
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions
  COMPONENT wfe)
install(
  FILES ${folder}/wfe.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
  COMPONENT wfe)
