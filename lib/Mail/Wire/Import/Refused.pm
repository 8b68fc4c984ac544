package Mail::Wire::Import::Refused;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(EEXIST EINVAL);
use Fcntl qw(O_CREAT O_EXCL O_WRONLY);
use File::Basename qw(dirname);
use IO::Handle ();
use Mail::Wire::Journal ();
use Mail::Wire::Result ();

our @CARP_NOT = ('Mail::Wire::Import');

# A folder of the messages that a server refused: NUMBER.eml each, and refused.txt, with a line for each recipient. A message is
# on the disk before the journal says that it was refused.

sub new {
    my ($class, $path) = @_;
    if (not -d $path) {
        mkdir $path or croak "cannot make the folder $path: $!";
        Mail::Wire::Journal::sync_folder(dirname($path));
    }
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
    $is_written and _is_synced($out) and close $out and print { $self->{list} } @lines and _is_synced($self->{list})
        or croak "cannot write what was refused to $self->{path}: $!";
    Mail::Wire::Journal::sync_folder($self->{path});
    return;
}

# What is no file, such as a pipe in the list's place, has nothing to sync.
sub _is_synced { return $_[0]->flush && ($_[0]->sync || $! == EINVAL) }

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
