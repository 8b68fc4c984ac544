package Mail::Wire::Sink::Script;

# What a sink was told to say, and what to do wrong.  Options are checked here,
# once, before a process is started; sessions only ask.

use strict;
use warnings;

use Carp ();

our $VERSION = '1.000';
our @CARP_NOT = qw(Mail::Wire::Sink);    # errors are its caller's

# What the sessions' faults are, and what makes a value of each valid.
my %FAULT = (
    delay       => \&_is_delay,
    close_at    => \&_is_place,
    garbage     => \&_is_garbage,
    early       => \&_is_early,
    extra       => \&_is_count,
    missing     => \&_is_count,
    joined      => \&_is_any,
    one_answer  => \&_is_any,
    misframe    => \&_is_integer,
    oversize    => \&_is_count,
    write_size  => \&_is_count,
    write_delay => \&_is_seconds,
    close_after => \&_is_count,
);

my %EXTENSION = (
    pipelining => 'PIPELINING', chunking => 'CHUNKING', '8bitmime' => '8BITMIME',
    enhanced   => 'ENHANCEDSTATUSCODES', dsn => 'DSN', smtputf8 => 'SMTPUTF8', binarymime => 'BINARYMIME',
);
my @EXTENSION_ORDER = qw(pipelining chunking 8bitmime enhanced dsn smtputf8 binarymime);
my %DEFAULT = (pipelining => 1, chunking => 1, '8bitmime' => 1, enhanced => 1);

my %RULE  = map { $_ => 1 } qw(greeting mail rcpt data body final verbs);
my %PLAIN = (
    lhlo    => \&_is_list,
    size    => \&_is_count,
    discard => \&_is_any,
    reset   => \&_is_any,
    any_params => \&_is_any,
    only_link  => \&_is_count,
);

sub new {
    my ($class, %option) = @_;
    my $self = bless { rule => {}, fault => {}, %DEFAULT }, $class;
    for my $name (sort keys %option) {
        my $value = $option{$name};
        $self->_set($name, $value) if defined $value;
    }
    $self->{keywords} = $self->{lhlo} || $self->_keywords;
    $self->{offer} = { map { /\A(\S+)/ ? (uc $1 => 1) : () } @{ $self->{keywords} } };
    return $self;
}

sub _set {
    my ($self, $name, $value) = @_;
    if ($RULE{$name}) { $self->{rule}{$name} = $value; return }
    if ($EXTENSION{$name}) { $self->{$name} = $value; return }
    my $valid = $FAULT{$name} || $PLAIN{$name} or Carp::croak("Mail::Wire::Sink: unknown option '$name'");
    $valid->($value) or Carp::croak("Mail::Wire::Sink: bad value for option '$name'");
    my $place = $FAULT{$name} ? $self->{fault} : $self;
    $place->{$name} = $value;
    return;
}

sub _is_any     { return 1 }
sub _is_list    { return ref $_[0] eq 'ARRAY' }
sub _is_count   { return !ref $_[0] && $_[0] =~ /\A[0-9]+\z/ }
sub _is_integer { return !ref $_[0] && $_[0] =~ /\A-?[0-9]+\z/ }
sub _is_seconds { return !ref $_[0] && $_[0] =~ /\A(?:[0-9]+\.?[0-9]*|\.[0-9]+)\z/ }

sub _is_delay {
    my ($value) = @_;
    return _is_seconds($value) if ref $value ne 'HASH';
    return !grep { !_is_seconds($_) } values %$value;
}

sub _is_place {
    my ($value) = @_;
    return 0 if ref $value ne 'HASH' || 1 != grep { defined $value->{$_} } qw(stage in out);
    return !grep { defined $value->{$_} && !_is_count($value->{$_}) } qw(in out after);
}

sub _is_garbage {
    my ($value) = @_;
    return ref $value eq 'HASH' && defined $value->{stage} && defined $value->{line}
        && _is_count($value->{after} || 0);
}

sub _is_early {
    my ($value) = @_;
    return ref $value eq 'HASH' && _is_count(defined $value->{in} ? $value->{in} : '')
        && defined $value->{send};
}

sub _keywords {
    my ($self) = @_;
    my @keywords = map { $EXTENSION{$_} } grep { $self->{$_} } @EXTENSION_ORDER;
    push @keywords, "SIZE $self->{size}" if defined $self->{size};
    return \@keywords;
}

sub keywords   { return @{ $_[0]{keywords} } }
sub offers     { return $_[0]{offer}{ uc $_[1] } }
sub enhanced   { return $_[0]{enhanced} }
sub discard    { return $_[0]{discard} }
sub size       { return $_[0]{size} }
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

# The reply that a rule has for $key, or undef where the default is due.
sub reply_for {
    my ($self, $name, $key, @more) = @_;
    my $rule = $self->{rule}{$name};
    if (ref $rule eq 'HASH') {
        $rule = defined $key && exists $rule->{$key} ? $rule->{$key} : $rule->{'*'};
    }
    return $rule if ref $rule ne 'CODE';
    my $reply = eval { \scalar $rule->($key, @more) };
    return $$reply if $reply;
    warn "Mail::Wire::Sink: rule '$name' died: $@";
    return undef;
}

1;
