package Mail::Wire::Sink::Check;

# What the options of a sink may be.

use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

my %STAGES = (
    lmtp => [qw(greeting lhlo mail rcpt data body final rset noop vrfy help quit other)],
    qmtp => ['final'],
);

# Each is called with a value and the protocol, and returns what is wrong, '' if
# nothing.
my %CHECK = (
    (map { $_ => \&_rule } qw(greeting mail rcpt data body final)),
    verbs    => \&_verbs,
    delay    => \&_delay,
    close_at => \&_close_at,
    garbage  => \&_garbage,
    early    => \&_early,
    lhlo     => \&_lines,
    misframe => \&_integer,
    tls      => \&_tls,
    store    => \&_code,
    (map { $_ => \&_count } qw(extra missing oversize write_size close_after size only_link backlog)),
    write_delay => \&_seconds,
    (map { $_ => sub { '' } } qw(joined one_answer discard reset any_params
        pipelining chunking 8bitmime enhanced dsn smtputf8 binarymime)),
);

# Options that only one of the protocols has a use for.
my %ONLY = (
    (map { $_ => 'lmtp' } qw(greeting data body verbs lhlo joined any_params
        pipelining chunking 8bitmime enhanced dsn smtputf8 binarymime)),
    (map { $_ => 'qmtp' } qw(one_answer misframe oversize)),
);

# What is wrong with an option, '' if nothing.  undef is no value.
sub problem {
    my ($protocol, $name, $value) = @_;
    my $check = $CHECK{$name} or return "unknown option '$name'";
    return '' if !defined $value;
    my $only = $ONLY{$name} || $protocol;
    return "option '$name' is for the protocol $only only" if $only ne $protocol;
    my $wrong = $check->($value, $protocol);
    return $wrong && "bad value for option '$name': $wrong";
}

# What is wrong with a reply that a rule's code has given.
sub reply_problem { my ($protocol, $reply) = @_; return _reply($reply, $protocol) }

sub _shown {
    my ($value) = @_;
    return 'undef' if !defined $value;
    return 'a reference' if ref $value;
    $value =~ s/([^\x20-\x7e])/sprintf '\\x{%x}', ord $1/ge;
    return "'$value'";
}

# ---- numbers and lines

sub _matches {
    my ($value, $pattern, $what) = @_;
    return '' if defined $value && !ref $value && $value =~ $pattern;
    return "it must be $what, not " . _shown($value);
}

sub _count   { return _matches($_[0], qr/\A[0-9]+\z/,   'a whole number, 0 or more') }
sub _integer { return _matches($_[0], qr/\A-?[0-9]+\z/, 'a whole number') }
sub _seconds { return _matches($_[0], qr/\A(?:[0-9]+\.?[0-9]*|\.[0-9]+)\z/, 'a number of seconds, 0 or more') }
sub _code    { return ref $_[0] eq 'CODE' ? '' : 'it must be code, not ' . _shown($_[0]) }

sub _tls {
    my ($value, $protocol) = @_;
    return _matches($value, qr/\Aimplicit\z/, "'implicit'") if $protocol eq 'qmtp';
    return _matches($value, qr/\A(?:implicit|starttls)\z/, "'implicit' or 'starttls'");
}

sub _text    { return _matches($_[0], qr//, 'a text') || _octets($_[0]) }

# What goes to the wire is octets: a wider character has none.
sub _octets {
    my ($value) = @_;
    return utf8::downgrade($value, 1) ? '' : 'it must be octets, and not have wider characters, as ' . _shown($value) . ' has';
}

sub _lines {
    my ($value) = @_;
    return 'it must be a reference to a list of lines, not ' . _shown($value) if ref $value ne 'ARRAY';
    return _first(map { _matches($_, qr/\A[^\r\n]*\z/, 'a list of lines without line ends') } @$value);
}

# The first of some problems.
sub _first {
    my ($first) = grep { length } @_;
    return defined $first ? $first : '';
}

# ---- faults

sub _keys {
    my ($value, @known) = @_;
    return 'it must be a reference to a hash of ' . "@known" . ', not ' . _shown($value) if ref $value ne 'HASH';
    my %is_known = map { $_ => 1 } @known;
    my ($unknown) = grep { !$is_known{$_} } sort keys %$value;
    return defined $unknown ? 'no key ' . _shown($unknown) . ", they are @known" : '';
}

sub _stage {
    my ($stage, $protocol) = @_;
    my $stages = $STAGES{$protocol};
    return '' if defined $stage && grep { $_ eq $stage } @$stages;
    return 'no stage ' . _shown($stage) . ", those of $protocol are @$stages";
}

sub _delay {
    my ($value, $protocol) = @_;
    return _seconds($value) if ref $value ne 'HASH';
    my @set = grep { defined $value->{$_} } sort keys %$value;
    return _first((map { _stage($_, $protocol) } sort keys %$value), map { _at($_, _seconds($value->{$_})) } @set);
}

# A problem of one key's value.
sub _at {
    my ($key, $wrong) = @_;
    return $wrong && "$key: $wrong";
}

sub _counts {
    my ($value, @keys) = @_;
    return _first(map { _at($_, _count($value->{$_})) } grep { defined $value->{$_} } @keys);
}

sub _close_at {
    my ($value, $protocol) = @_;
    my $wrong = _keys($value, qw(stage after in out));
    return $wrong if $wrong;
    my @place = grep { defined $value->{$_} } qw(stage in out);
    return 'it must have one of stage, in and out' if @place != 1;
    return "after goes with stage, not with $place[0]" if defined $value->{after} && $place[0] ne 'stage';
    return _first($place[0] eq 'stage' ? _stage($value->{stage}, $protocol) : '', _counts($value, qw(after in out)));
}

sub _garbage {
    my ($value, $protocol) = @_;
    my $wrong = _keys($value, qw(stage after line));
    return $wrong if $wrong;
    return _first(_stage($value->{stage}, $protocol), _counts($value, 'after'), _at('line', _text($value->{line})));
}

sub _early {
    my ($value) = @_;
    my $wrong = _keys($value, qw(in send close));
    return $wrong if $wrong;
    return _first(_at('in', _count($value->{in})), _at('send', _text($value->{send})));
}

# ---- replies

# One reply, a hash of replies, or code.
sub _rule {
    my ($rule, $protocol) = @_;
    return '' if ref $rule eq 'CODE';
    return _reply($rule, $protocol) if ref $rule ne 'HASH';
    my @named = grep { defined $rule->{$_} && ref $rule->{$_} ne 'CODE' } sort keys %$rule;
    return _first(map { _at($_, _reply($rule->{$_}, $protocol)) } @named);
}

sub _reply {
    my ($reply, $protocol) = @_;
    return _text($$reply) if ref $reply eq 'SCALAR';
    return _matches($reply, qr/\A[KZD]/, 'a text that begins with K, Z or D, or a reference to a string')
        || _octets($reply) if $protocol eq 'qmtp';
    my @lines = ref $reply eq 'ARRAY' ? @$reply : $reply;
    return 'it must have a line' if !@lines;
    return _first(map { _reply_line($_) } @lines);
}

# A line end inside would make two replies of one, and what is behind the first
# of them the answer to another command.
sub _reply_line {
    my ($line) = @_;
    return _matches($line, qr/\A[1-5][0-9]{2}(?:[ -]|\z)/,
        'a text that begins with a code of three digits, a list of such texts, or a reference to a string')
        || _matches($line, qr/\A[^\r\n]*\z/, 'a text without line ends, a list of such texts, or a reference to a string')
        || _octets($line);
}

sub _verbs {
    my ($rule, $protocol) = @_;
    return 'it must be a reference to a hash of commands and replies, or to code, not ' . _shown($rule)
        if ref $rule ne 'HASH' && ref $rule ne 'CODE';
    my ($small) = ref $rule eq 'HASH' ? grep { /[a-z]/ } sort keys %$rule : ();
    return 'commands are in capitals, not ' . _shown($small) if defined $small;
    return _rule($rule, $protocol);
}

1;
