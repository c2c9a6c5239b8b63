### only main
### setup
standard; put .git/hooks/pre-commit '#!/bin/sh\necho formatted >> a.txt; git add a.txt\n'; chmod +x .git/hooks/pre-commit
### step
edit a.txt 3 scribble; git commit -q -a -m hooked
### expect
@git commit
a.txt other
