package Mail::Wire::Pool::Job;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Mail::Wire ();
use Mail::Wire::Client ();
use Mail::Wire::Fault ();
use Mail::Wire::Result ();
use Mail::Wire::Source ();
use Mail::Wire::Spool ();

our @CARP_NOT = ('Mail::Wire::Pool');

# A message of a pool: the arguments that it is sent with, as often as it takes, and what became of each recipient so far.

# An array, as there are many.
use constant {
    ID      => 0,
    TAG     => 1,
    TRIES   => 2,    # how often it was tried
    ARGS    => 3,    # of submit, without Tag
    LEFT    => 4,    # the places of the recipients that are tried next; undef: it was not tried yet, all
    RESULTS => 5,    # each recipient's latest
    TO      => 6,    # the recipients, a list of our own; undef: one address
    TO_AT   => 7,    # where the value of To is in ARGS
    ENDS    => 8,    # when Deadline is over, a moment of Mail::Wire::_now; undef: there is none
    ENDS_AT => 9,    # where its value is in ARGS
    DUE     => 10,   # when it is tried again
    FAULT   => 11,   # why its content cannot be read; undef: it can
};

my %special = (
    Tag => \&_take_tag, To => \&_take_to, Deadline => \&_take_deadline, Data => \&_take_data, File => \&_take_file, Range => \&_take_range,
);

# Of the arguments of submit, which are changed: from here on nothing of the caller's is needed but a plain file. Croaks for what cannot be
# used.
sub new {
    my ($class, $args) = @_;
    croak 'submit: an odd number of arguments, where names and values are due' if @$args % 2;
    my $job = bless [ 0, undef, 0, $args ], $class;
    for (my $i = 0; $i < @$args; $i += 2) {
        my $take = defined $args->[$i] ? $special{ $args->[$i] } : undef;
        $i += $take->($job, $args, $i) if $take;
    }
    return $job;
}

# These return by how much what follows has moved.
sub _take_tag {
    my ($job, $args, $i) = @_;
    $job->[TAG] = (splice @$args, $i, 2)[1];
    return -2;
}

sub _take_to {
    my ($job, $args, $i) = @_;
    $job->[TO_AT] = $i + 1;
    $job->[TO] = $args->[ $i + 1 ] = [ Mail::Wire::Source::elements($args->[ $i + 1 ]) ] if ref $args->[ $i + 1 ] eq 'ARRAY';
    return 0;
}

sub _take_deadline {
    my ($job, $args, $i) = @_;
    my $seconds = $args->[ $i + 1 ];
    return 0 if not defined $seconds or not Mail::Wire::_is_number($seconds);
    @{$job}[ ENDS, ENDS_AT ] = (Mail::Wire::_now() + $seconds, $i + 1);
    return 0;
}

sub _take_data {
    my ($job, $args, $i) = @_;
    my $data = \$args->[ $i + 1 ];
    return 0 if not defined $$data;
    if (ref $$data or ref \$$data eq 'GLOB') {
        _hold($job, $i, Mail::Wire::Source->new($$data));
    }
    elsif (utf8::is_utf8($$data) and not utf8::downgrade($$data, 1)) {
        croak 'Wide character in a message: encode the text first, for example with Encode::encode';
    }
    return 0;
}

# What is no plain file, such as a pipe, can be read once.
sub _take_file {
    my ($job, $args, $i) = @_;
    my $name = $args->[ $i + 1 ];
    return 0 if not defined $name;
    utf8::downgrade($name = "$name", 1);
    return 0 if $name !~ /\0/ and -f $name and -r _;
    _hold($job, $i, Mail::Wire::Source->new(undef, $name));
    return 0;
}

# The list is the caller's, and may change.
sub _take_range {
    my ($job, $args, $i) = @_;
    my $range = $args->[ $i + 1 ];
    return 0 if not defined $range;
    my $is_usable = ref $range eq 'ARRAY' && @$range == 3 && (ref $range->[0] || ref \$range->[0] eq 'GLOB' || -f $range->[0])
        && !grep { !defined || !/\A[0-9]{1,15}\z/ } @{$range}[ 1, 2 ];
    Mail::Wire::Source->new(undef, undef, $range) if not $is_usable;
    $args->[ $i + 1 ] = [@$range];
    return 0;
}

# Content is kept so that it can be sent again: in memory, or in a file.
sub _hold {
    my ($job, $i, $source) = @_;
    my $spool;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $spool = Mail::Wire::Spool->new($source) });
    my $why = $ok ? undef : Mail::Wire::Fault::why($error);
    die $error if not $ok and not defined $why;
    $job->[FAULT] = $why;
    my $text = $ok ? $spool->text : \'';
    @{ $job->[ARGS] }[ $i, $i + 1 ] = $text ? (Data => $$text) : (Range => [ ($spool->stretch)[ 0 .. 2 ] ]);
    return;
}

# ---------------------------------------------------------------- sending

# What submit of a link is given now.
sub arguments {
    my ($job) = @_;
    my $args = $job->[ARGS];
    if (defined $job->[ENDS]) {
        my $left = $job->[ENDS] - Mail::Wire::_now();
        $args->[ $job->[ENDS_AT] ] = $left > 0.001 ? $left : 0.001;
    }
    return $args if not $job->[LEFT] or not $job->[TO];
    my @args = @$args;
    $args[ $job->[TO_AT] ] = [ @{ $job->[TO] }[ @{ $job->[LEFT] } ] ];
    return \@args;
}

# Whether its own deadline is over.
sub is_late { return defined $_[0][ENDS] && $_[0][ENDS] <= Mail::Wire::_now() }

# Takes the results of an attempt; again says of one whether its recipient is to be tried again. True when there is nothing left to try.
sub answered {
    my ($job, $results, $again) = @_;
    my $places = $job->[LEFT] || [ 0 .. $#$results ];
    my @left;
    foreach my $i (0 .. $#$results) {
        my $result = $results->[$i];
        $result->[Mail::Wire::Result::INDEX] = $places->[$i];
        $job->[RESULTS][ $places->[$i] ] = $result;
        push @left, $places->[$i] if $again->($result);
    }
    $job->[LEFT] = \@left;
    return !@left;
}

# Whoever would be tried next gets this result instead.
sub fail {
    my ($job, $code, $stage, $words) = @_;
    my @to = $job->[TO] ? map { ref eq 'ARRAY' ? $_->[0] : $_ } @{ $job->[TO] } : $job->[ARGS][ $job->[TO_AT] ];
    foreach my $i ($job->[LEFT] ? @{ $job->[LEFT] } : 0 .. $#to) {
        my $before = $job->[RESULTS][$i];
        my $address = $before ? $before->recipient : _octets($to[$i]);
        $job->[RESULTS][$i] = Mail::Wire::Result->_new($address, $i, $code, $words, $stage);
    }
    return;
}

sub _octets {
    my ($address) = @_;
    utf8::encode($address = "$address") if $address =~ /[^\x00-\xff]/;
    return $address;
}

1;
