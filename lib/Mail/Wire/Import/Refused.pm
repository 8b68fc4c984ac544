package Mail::Wire::Import::Refused;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(EEXIST);
use Fcntl qw(O_CREAT O_EXCL O_WRONLY);
use Mail::Wire::Result ();

our @CARP_NOT = ('Mail::Wire::Import');

# A folder of the messages that a server refused: NUMBER.eml each, and refused.txt, with a line for each recipient. A message is
# there before the journal says that it was refused.

sub new {
    my ($class, $path) = @_;
    -d $path or mkdir $path or croak "cannot make the folder $path: $!";
    open my $list, '>>:raw', "$path/refused.txt" or croak "cannot write $path/refused.txt: $!";
    return bless { path => $path, list => $list, number => 0 }, $class;
}

# The results of a message that are refusals.
sub add {
    my ($self, $message, @results) = @_;
    my ($name, $out) = $self->_create;
    my $data = $message->data;
    my $is_written = ref $data eq 'SCALAR' ? print {$out} $$data : 1;
    if (ref $data eq 'CODE') {
        while ($is_written and defined(my $piece = $data->())) { $is_written = print {$out} $piece }
    }
    my @lines = map { join(' ', $name, Mail::Wire::Result::_on_one_line($message->path), $message->offset, $_->as_string) . "\n" } @results;
    $is_written and close $out and print { $self->{list} } @lines and $self->{list}->flush
        or croak "cannot write what was refused to $self->{path}: $!";
    return;
}

sub _create {
    my ($self) = @_;
    while (1) {
        my $name = sprintf '%06d.eml', ++$self->{number};
        return ($name, $_) foreach grep {defined} $self->_created($name);
    }
}

sub _created {
    my ($self, $name) = @_;
    sysopen my $out, "$self->{path}/$name", O_WRONLY | O_CREAT | O_EXCL
        or return $! == EEXIST ? undef : croak "cannot write $self->{path}/$name: $!";
    binmode $out;
    return $out;
}

1;
