from bridge.commands import main

main()
