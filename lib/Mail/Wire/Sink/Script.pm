package Mail::Wire::Sink::Script;

# What a sink was told to say, and what to do wrong.  Options are checked here,
# once, before a process is started; sessions only ask.

use strict;
use warnings;

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
    my $self = bless { rule => {}, fault => {}, %DEFAULT }, $class;
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
