# The language of configuration files: statements of words that end in ";" or a block. Lists grow by left recursion and
# are pushed to in place, which is sound because no input has two readings; the token of the file's end keeps the start
# rule from completing after every statement. Both keep the time linear.
@preprocessor typescript

@{%
import { statementOf, type Tail, type Token, terminal, wordsOf } from './syntax.ts';
import type { Statement } from './statement.ts';

const word = terminal('word');
const semi = terminal('semi');
const lbrace = terminal('lbrace');
const rbrace = terminal('rbrace');
const eof = terminal('eof');
%}

config     -> statements %eof              {% (d): Statement[] => d[0] %}

statements -> null                         {% (): Statement[] => [] %}
            | statements statement         {% (d): Statement[] => { d[0].push(d[1]); return d[0]; } %}

statement  -> words tail                   {% (d): Statement => statementOf(d[0], d[1]) %}

words      -> %word                        {% (d): Token[] => wordsOf(d[0]) %}
            | words %word                  {% (d): Token[] => { d[0].push(d[1]); return d[0]; } %}

tail       -> %semi                        {% (d): Tail => ({ block: null, end: d[0].at }) %}
            | %lbrace statements %rbrace   {% (d): Tail => ({ block: d[1], end: d[2].at }) %}
