package Mail::Wire::Sink::Script;

# What a sink was told to say, and what to do wrong.  Options are checked here,
# once, before a process is started; sessions only ask.

use strict;
use warnings;
use re 'taint';

use Carp ();

use Mail::Wire::Sink::Check ();

our $VERSION = '1.000';
our @CARP_NOT = qw(Mail::Wire::Sink);    # errors are its caller's

my %FAULT = map { $_ => 1 } qw(delay close_at garbage early extra missing joined
    one_answer misframe oversize write_size write_delay close_after);

my %EXTENSION = (
    pipelining => 'PIPELINING', chunking => 'CHUNKING', '8bitmime' => '8BITMIME',
    enhanced   => 'ENHANCEDSTATUSCODES', dsn => 'DSN', smtputf8 => 'SMTPUTF8', binarymime => 'BINARYMIME',
);
my @EXTENSION_ORDER = qw(pipelining chunking 8bitmime enhanced dsn smtputf8 binarymime);
my %DEFAULT = (pipelining => 1, chunking => 1, '8bitmime' => 1, enhanced => 1);

my %RULE = map { $_ => 1 } qw(greeting mail rcpt data body final verbs);

sub new {
    my ($class, %option) = @_;
    my $protocol = delete $option{protocol} || 'lmtp';
    my $self = bless {
        rule => {}, fault => {}, patterns => {}, protocol => $protocol, on_error => sub { warn "Mail::Wire::Sink: $_[0]\n" },
        %DEFAULT,
    }, $class;
    for my $name (sort keys %option) {
        my $value = $option{$name};
        my $problem = Mail::Wire::Sink::Check::problem($protocol, $name, $value);
        Carp::croak("Mail::Wire::Sink: $problem") if $problem;
        $self->_place_of($name)->{$name} = $value if defined $value;
    }
    $self->{keywords} = $self->{lhlo} || $self->_keywords;
    $self->{offer} = { map { /\A(\S+)/ ? (uc $1 => 1) : () } @{ $self->{keywords} } };
    return $self;
}

sub _place_of {
    my ($self, $name) = @_;
    return $RULE{$name} ? $self->{rule} : $FAULT{$name} ? $self->{fault} : $self;
}

sub _keywords {
    my ($self) = @_;
    my @keywords = map { $EXTENSION{$_} } grep { $self->{$_} } @EXTENSION_ORDER;
    push @keywords, "SIZE $self->{size}" if defined $self->{size};
    push @keywords, 'STARTTLS' if $self->tls eq 'starttls';
    return \@keywords;
}

sub keywords   { return @{ $_[0]{keywords} } }
sub offers     { return $_[0]{offer}{ uc $_[1] } }
sub enhanced   { return $_[0]{enhanced} }
sub discard    { return $_[0]{discard} }
sub size       { return $_[0]{size} }
sub backlog    { return $_[0]{backlog} }
sub store      { return $_[0]{store} }
sub tls        { return defined $_[0]{tls} ? $_[0]{tls} : '' }
sub any_params { return $_[0]{any_params} }
sub end_how    { return $_[0]{reset} ? 'reset' : 'fin' }
sub fault      { return $_[0]{fault}{ $_[1] } }
sub has_rule   { return defined $_[0]{rule}{ $_[1] } }

sub delay {
    my ($self, $stage) = @_;
    my $delay = $self->{fault}{delay};
    return ref $delay ? $delay->{$stage} : $delay;
}

# The script as it is for link $number.
sub for_link {
    my ($self, $number) = @_;
    return $self if !$self->{only_link} || $self->{only_link} == $number;
    return bless { %$self, fault => {} }, ref $self;
}

# Who is told of a rule that failed.
sub on_error { my ($self, $code) = @_; $self->{on_error} = $code; return }

# What is wrong with rules that are given while a sink runs, '' if nothing.
# Code does not pass from one process to another.
sub rules_problem {
    my ($protocol, %rule) = @_;
    for my $name (sort keys %rule) {
        my $value = $rule{$name};
        return "'$name' is no rule, these are " . join ' ', sort keys %RULE if !$RULE{$name};
        my $problem = Mail::Wire::Sink::Check::problem($protocol, $name, $value);
        return $problem if $problem;
        return "rule '$name': code is for new only, as the sink's process can't be given it later"
            if grep { ref eq 'CODE' } $value, ref $value eq 'HASH' ? values %$value : ();
    }
    return '';
}

sub failed { my ($self, $why) = @_; $why =~ s/\s+\z//; $self->{on_error}->($why); return }

# In place, as the scripts of single links share the rules.
sub set_rules {
    my ($self, %rule) = @_;
    @{ $self->{rule} }{ keys %rule } = values %rule;
    delete @{ $self->{patterns} }{ keys %rule };
    return;
}

# The reply that a rule has for $key, or undef where the default is due.
sub reply_for {
    my ($self, $name, $key, @more) = @_;
    my $rule = $self->{rule}{$name};
    $rule = $self->_entry($name, $key) if ref $rule eq 'HASH';
    return ref $rule eq 'CODE' ? $self->_answer_of($rule, $name, $key, @more) : $rule;
}

# The name itself goes before patterns, and a longer pattern before a shorter.
sub _entry {
    my ($self, $name, $key) = @_;
    my $rule = $self->{rule}{$name};
    return $rule->{'*'}  if !defined $key;
    return $rule->{$key} if exists $rule->{$key};
    my $patterns = $self->{patterns}{$name} ||= _patterns(keys %$rule);
    my ($found)  = grep { $key =~ $_->[1] } @$patterns;
    return $found && $rule->{ $found->[0] };
}

sub _patterns {
    my @names = sort { length $b <=> length $a || $a cmp $b } grep {/\*/} @_;
    return [ map { my $match = join '.*', map {quotemeta} split /\*+/, $_, -1; [ $_, qr/\A$match\z/s ] } @names ];
}

# A rule that fails is never the default, which is a success as a rule: the
# client is told to try again, and the test that the rule is wrong.
sub _answer_of {
    my ($self, $code, $name, $key, @more) = @_;
    local ($@, $_);
    my $answer;
    { $answer = eval { \scalar $code->($key, @more) } }    # a block that next and last leave, and not a loop of ours
    my $wrong = $answer ? _wrong_answer($self->{protocol}, $$answer) : 'died: ' . _words_of($@);
    return $$answer if !$wrong;
    $self->failed("rule '$name'" . (defined $key ? " for '$key' " : ' ') . $wrong);
    return $self->{protocol} eq 'qmtp' ? "Zrule '$name' failed (#4.3.0)" : "451 4.3.0 Rule '$name' failed";
}

sub _wrong_answer {
    my ($protocol, $answer) = @_;
    my $problem = defined $answer ? Mail::Wire::Sink::Check::reply_problem($protocol, $answer) : '';
    return $problem && "returned what is no reply: $problem";
}

sub _words_of {
    my ($error) = @_;
    my $words = eval {"$error"};
    return defined $words && length $words ? $words : 'without a word';
}

1;
