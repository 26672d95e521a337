"""Somebody at a terminal: typist.py PROMPT ANSWER [PROMPT ANSWER …] -- PROGRAM WORDS…

Types each answer when the program's output ends with its prompt. Prints what the terminal showed; ends with the
program's status, or with 99 when a prompt never came.
"""
import os
import pty
import sys

words = sys.argv[1:]
end = words.index("--")
answers = [(words[i].encode(), words[i + 1].encode() + b"\n") for i in range(0, end, 2)]
child, terminal = pty.fork()
if child == 0:
    os.execv(words[end + 1], words[end + 1:])
said = b""
while True:
    try:
        got = os.read(terminal, 4096)
    except OSError:  # how a terminal ends whose program has gone
        break
    if not got:
        break
    said += got
    if answers and said.endswith(answers[0][0]):
        os.write(terminal, answers.pop(0)[1])
sys.stdout.buffer.write(said)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(99 if answers else status)
